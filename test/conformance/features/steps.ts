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

/** With what the server says or asks meanwhile, which may come on another stream. */
export const hearing = (step: Step, ...methods: readonly string[]): Step => {
  return async (peer, url) => {
    const from = peer.heard.length;
    const result = await step(peer, url);
    const heard = await Promise.all(methods.map((method) => awaitMessage(peer, method, from)));
    return { result, heard: heard.map(({ method, params }) => ({ method, params })) };
  };
};

export const inOrder = (...steps: readonly Step[]): Step => {
  return async (peer, url) => {
    const results: unknown[] = [];
    for (const step of steps) results.push(await step(peer, url));
    return results;
  };
};

/** A call with what it says of its progress. */
export const progressing = (name: string, args: Members = {}): Step => {
  return async (peer) => {
    const progress: unknown[] = [];
    const onprogress = (made: unknown) => void progress.push(made);
    const result = await peer.request('tools/call', { name, arguments: args }, { onprogress });
    return { result, progress };
  };
};
