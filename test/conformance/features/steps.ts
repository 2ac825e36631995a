import { until } from '#lib/testing/until';
import { awaitMessage } from './peer.js';
import type { Peer } from './peer.js';

/** One thing that a client does, and what it learns of it. */
export type Step<Of extends Peer = Peer> = (peer: Of, url: string) => Promise<unknown>;

type Members = Record<string, unknown>;

export const ask = (method: string, params: Members = {}): Step => {
  return (peer) => peer.request(method, params);
};

export const tool = (name: string, args: Members = {}): Step => {
  return ask('tools/call', { name, arguments: args });
};

/** What it is refused with. */
export const refused = (step: Step): Step => {
  return async (peer, url) => {
    try {
      return { unexpected: await step(peer, url) };
    } catch (error) {
      const { code, message, data } = error as Members;
      return { code, message, data };
    }
  };
};

/** With the message that the server sends meanwhile, maybe on another stream: its method, and words that it holds. */
export const hearing = (step: Step, awaited: string | readonly [string, string]): Step => {
  const [wanted, words] = typeof awaited === 'string' ? [awaited, ''] : awaited;
  return async (peer, url) => {
    const from = peer.heard.length;
    const result = await step(peer, url);
    const { method, params } = await awaitMessage(peer, wanted, from, words);
    return { result, heard: { method, params } };
  };
};

/** What a session is told on a stream that may not stand yet: done again until it was heard. */
export const hearingAtLast = (step: Step, method: string): Step => {
  return async (peer, url) => {
    const from = peer.heard.length;
    const isHeard = () => peer.heard.slice(from).some((message) => message.method === method);
    let result: unknown;
    const again = async () => {
      result = await step(peer, url);
      return until(isHeard, { seconds: 1, everyMs: 10 });
    };
    await until(again, { seconds: 30 });
    return { result, heard: (await awaitMessage(peer, method, from)).params };
  };
};

export const inOrder = (...steps: readonly Step[]): Step => {
  return async (peer, url) => {
    const results: unknown[] = [];
    for (const step of steps) results.push(await step(peer, url));
    return results;
  };
};

/**
 * A call with what is said of its progress, as it came: of what comes in one piece with the result, the client of SDK v1
 * tells nobody.
 */
export const progressing = (name: string, args: Members = {}): Step => {
  return async (peer) => {
    const from = peer.heard.length;
    const onprogress = () => undefined;
    const result = await peer.request('tools/call', { name, arguments: args }, { onprogress });
    const told = peer.heard.slice(from).filter((one) => one.method === 'notifications/progress');
    const progress = told.map(({ params }) => ({ ...params, progressToken: '<token>' }));
    return { result, progress };
  };
};
