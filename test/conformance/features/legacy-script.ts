import { until } from '#lib/testing/until';
import { awaitMessage } from './peer.js';
import { resumed } from './resumed.js';
import { ask, hearing, inOrder, progressing, refused, tool } from './steps.js';
import type { Step } from './steps.js';

const text = 'demo://resource/dynamic/text/1';
const completing = (argument: object, context?: object) =>
  ask('completion/complete', {
    ref: { type: 'ref/prompt', name: 'completable-prompt' },
    argument,
    ...(context === undefined ? {} : { context }),
  });

/**
 * The server asks once, 350 ms after the handshake, and what it asks is lost if the stream for it does not stand by
 * then. Whoever says that the roots have changed is asked again.
 */
const askedForRoots: Step = async (peer) => {
  const isAsked = () => peer.heard.some(({ method }) => method === 'roots/list');
  const again = async () => {
    if (!isAsked()) await peer.notify('notifications/roots/list_changed');
    return isAsked();
  };
  await until(again, { seconds: 30, everyMs: 100 });
  return (await awaitMessage(peer, 'roots/list')).params;
};

/** All that server-everything can, by what it is about. */
export const legacySteps: Readonly<Record<string, Step>> = {
  'the handshake': async (peer) => peer.heard[0]?.result,
  ping: ask('ping'),
  roots: inOrder(askedForRoots, tool('get-roots-list')),
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
  progress: progressing('trigger-long-running-operation', { duration: 0.3, steps: 3 }),
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
    // What it says of the roots may still come.
    hearing(ask('resources/subscribe', { uri: text }), ['notifications/message', text]),
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
  'elicitation by a form of the server': hearing(tool('trigger-elicitation-request'), [
    'elicitation/create',
    'requestedSchema',
  ]),
  'elicitation by a link of the server': hearing(
    tool('trigger-url-elicitation', {
      url: 'https://server.example/form',
      elicitationId: 'its-own',
    }),
    // A stream that is resumed may bring the form of before once more.
    ['elicitation/create', 'its-own'],
  ),
  'elicitation by an error of the server': refused(
    tool('trigger-url-elicitation', { url: 'https://server.example/other', errorPath: true }),
  ),
  'a stream that is resumed': (peer, url) => resumed(peer, url),
  'tasks that ask in between': async (peer) => {
    const from = peer.heard.length;
    const topic = 'python';
    const call = { name: 'simulate-research-query', arguments: { topic, ambiguous: true } };
    const created = await peer.request('tools/call', { ...call, task: { ttl: 60_000 } });
    const { taskId } = (created as { task: { taskId: string } }).task;
    const result = await peer.request('tasks/result', { taskId });
    const asked = await awaitMessage(peer, 'elicitation/create', from, topic);
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
