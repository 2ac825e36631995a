import { awaitMessage } from './peer.js';
import type { Peer } from './peer.js';
import { resumed } from './resumed.js';

/** One thing that a client does, and what it learns of it. */
export type Step = (peer: Peer, url: string) => Promise<unknown>;

const tool = (name: string, args: Record<string, unknown> = {}): Step => {
  return (peer) => peer.request('tools/call', { name, arguments: args });
};
const ask = (method: string, params: Record<string, unknown> = {}): Step => {
  return (peer) => peer.request(method, params);
};
const refused = (step: Step): Step => {
  return async (peer, url) => {
    try {
      return { unexpected: await step(peer, url) };
    } catch (error) {
      const { code, message, data } = error as {
        code?: unknown;
        message?: unknown;
        data?: unknown;
      };
      return { code, message, data };
    }
  };
};
/** With what the server says or asks meanwhile, which may come on another stream. */
const hearing = (step: Step, ...methods: readonly string[]): Step => {
  return async (peer, url) => {
    const from = peer.heard.length;
    const result = await step(peer, url);
    const heard = await Promise.all(methods.map((method) => awaitMessage(peer, method, from)));
    return { result, heard: heard.map(({ method, params }) => ({ method, params })) };
  };
};
const inOrder = (...steps: readonly Step[]): Step => {
  return async (peer, url) => {
    const results: unknown[] = [];
    for (const step of steps) results.push(await step(peer, url));
    return results;
  };
};

const text = 'demo://resource/dynamic/text/1';
const completing = (argument: object, context?: object) =>
  ask('completion/complete', {
    ref: { type: 'ref/prompt', name: 'completable-prompt' },
    argument,
    ...(context === undefined ? {} : { context }),
  });

/** All that server-everything can, by what it is about. */
export const legacySteps: Readonly<Record<string, Step>> = {
  'the handshake': async (peer) => peer.heard[0]?.result,
  ping: ask('ping'),
  roots: hearing(async (peer) => {
    await awaitMessage(peer, 'roots/list');
    return peer.request('tools/call', { name: 'get-roots-list', arguments: {} });
  }),
  'lists of everything': inOrder(
    ask('tools/list'),
    ask('prompts/list'),
    ask('resources/list'),
    ask('resources/templates/list'),
  ),
  'plain results': inOrder(
    tool('echo', { message: 'ἐχώ' }),
    tool('get-sum', { a: 2, b: 40 }),
    tool('get-annotated-message', { messageType: 'error', includeImage: true }),
    tool('get-resource-links', { count: 3 }),
    tool('get-resource-reference', { resourceType: 'Text', resourceId: 1 }),
  ),
  'structured content': tool('get-structured-content', { location: 'Chicago' }),
  'a picture': tool('get-tiny-image'),
  'resources, text and binary': inOrder(
    ask('resources/read', { uri: text }),
    ask('resources/read', { uri: 'demo://resource/dynamic/blob/2' }),
    refused(ask('resources/read', { uri: 'demo://nowhere' })),
  ),
  prompts: inOrder(
    ask('prompts/get', { name: 'simple-prompt' }),
    ask('prompts/get', { name: 'args-prompt', arguments: { city: 'Athens', state: 'Attica' } }),
    ask('prompts/get', {
      name: 'resource-prompt',
      arguments: { resourceType: 'Text', resourceId: '1' },
    }),
    refused(ask('prompts/get', { name: 'no-such-prompt' })),
  ),
  completions: inOrder(
    completing({ name: 'department', value: 'S' }),
    completing({ name: 'name', value: '' }, { arguments: { department: 'Sales' } }),
  ),
  progress: async (peer) => {
    const progress: unknown[] = [];
    const asked = {
      name: 'trigger-long-running-operation',
      arguments: { duration: 0.3, steps: 3 },
    };
    const onprogress = (made: unknown) => void progress.push(made);
    const result = await peer.request('tools/call', asked, { onprogress });
    return { result, progress };
  },
  cancellation: async (peer) => {
    const cancel = new AbortController();
    const asked = { name: 'trigger-long-running-operation', arguments: { duration: 2, steps: 10 } };
    const call = peer.request('tools/call', asked, {
      signal: cancel.signal,
      onprogress: () => cancel.abort('enough'),
    });
    return call.then(
      () => 'it was not cancelled',
      () => 'cancelled',
    );
  },
  'logging, and its level': inOrder(
    ask('logging/setLevel', { level: 'info' }),
    hearing(ask('resources/subscribe', { uri: text }), 'notifications/message'),
    ask('logging/setLevel', { level: 'error' }),
    ask('resources/unsubscribe', { uri: text }),
  ),
  'resource subscriptions and updates': inOrder(
    ask('resources/subscribe', { uri: text }),
    hearing(tool('toggle-subscriber-updates'), 'notifications/resources/updated'),
    tool('toggle-subscriber-updates'),
    ask('resources/unsubscribe', { uri: text }),
  ),
  'a list that changes: a resource of the session': hearing(
    tool('gzip-file-as-resource', {
      name: 'small.gz',
      data: 'data:text/plain,a%20few%20words',
      outputType: 'resourceLink',
    }),
    'notifications/resources/list_changed',
  ),
  sampling: hearing(
    tool('trigger-sampling-request', { prompt: 'Say something.', maxTokens: 20 }),
    'sampling/createMessage',
  ),
  'elicitation by a form of the server': hearing(
    tool('trigger-elicitation-request'),
    'elicitation/create',
  ),
  'elicitation by a link of the server': hearing(
    tool('trigger-url-elicitation', {
      url: 'https://server.example/form',
      elicitationId: 'its-own',
    }),
    'elicitation/create',
  ),
  'elicitation by an error of the server': refused(
    tool('trigger-url-elicitation', { url: 'https://server.example/other', errorPath: true }),
  ),
  'a stream that is resumed': (peer, url) => resumed(peer, url),
  'tasks that ask in between': async (peer) => {
    const from = peer.heard.length;
    const call = {
      name: 'simulate-research-query',
      arguments: { topic: 'python', ambiguous: true },
    };
    const created = await peer.request('tools/call', { ...call, task: { ttl: 60_000 } });
    const { taskId } = (created as { task: { taskId: string } }).task;
    const result = await peer.request('tasks/result', { taskId });
    const asked = await awaitMessage(peer, 'elicitation/create', from);
    const state = await peer.request('tasks/get', { taskId });
    return { created, result, asked: asked.params, state, list: await peer.request('tasks/list') };
  },
  'a task that is cancelled': async (peer) => {
    const call = { name: 'simulate-research-query', arguments: { topic: 'ruby' } };
    const created = await peer.request('tools/call', { ...call, task: { ttl: 60_000 } });
    const { taskId } = (created as { task: { taskId: string } }).task;
    return peer.request('tasks/cancel', { taskId });
  },
  'what there is not': inOrder(
    refused(tool('no-such-tool')),
    refused(tool('get-sum', { a: 'two' })),
    refused(ask('no/such/method')),
    refused(ask('tasks/get', { taskId: 'no-such-task' })),
  ),
};
