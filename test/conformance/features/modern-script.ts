import { createHash, randomUUID } from 'node:crypto';
import { until } from '#lib/testing/until';
import type { Waiting } from '../fixture/waiting.js';
import { awaitMessage } from './peer.js';
import type { ModernPeer, Peer } from './peer.js';
import { ask, inOrder, progressing, refused, tool } from './steps.js';
import type { Step } from './steps.js';

/** What it was cancelled by must reach the server itself. */
export const cancelled = (waiting: Waiting): Step => {
  return async (peer) => {
    const key = randomUUID();
    const leaving = new AbortController();
    const params = { name: 'wait', arguments: { key } };
    const call = peer.request('tools/call', params, { signal: leaving.signal });
    const ended = call.then(
      () => 'answered',
      () => 'left',
    );
    const begun = await until(() => waiting.begun.has(key), { seconds: 30, everyMs: 10 });
    leaving.abort('enough');
    const heardOf = await until(() => waiting.cancelled.has(key), { seconds: 30, everyMs: 10 });
    return { begun, ended: await ended, heardOf };
  };
};

/** More than 5 MB come, byte for byte; nearly all that a request may hold goes. */
export const bulky: Step = async (peer) => {
  const result = await peer.request('tools/call', { name: 'bulky', arguments: { mebibytes: 6 } });
  const text = JSON.stringify((result as { content: unknown }).content);
  const much = { name: 'length', arguments: { text: 'x'.repeat(900_000) } };
  const counted = await peer.request('tools/call', much);
  return {
    length: text.length,
    sha256: createHash('sha256').update(text).digest('base64'),
    counted,
  };
};

const listening = async (peer: ModernPeer): Promise<unknown> => {
  const from = peer.heard.length;
  const wanted = { toolsListChanged: true, resourceSubscriptions: ['test://watched-resource'] };
  const { granted, close } = await peer.listen(wanted);
  await peer.request('tools/call', { name: 'test_trigger_prompt_change', arguments: {} });
  await peer.request('tools/call', { name: 'test_trigger_tool_change', arguments: {} });
  const told = await awaitMessage(peer, 'notifications/tools/list_changed', from);
  const methods = new Set(peer.heard.slice(from).flatMap(({ method }) => method ?? []));
  await close();
  return { granted, told, methods: [...methods] };
};

/** The whole exchange: what the server asks, and by which state it knows its client again. */
const asking = (method: string, params: Record<string, unknown>): Step => {
  return async (peer: Peer) => {
    const from = peer.heard.length;
    const result = await peer.request(method, params);
    return { result, rounds: peer.heard.slice(from).map((message) => message.result) };
  };
};

/** All that revision 2026-07-28 has, by what it is about. */
export const modernSteps: Readonly<Record<string, Step>> = {
  'what it offers': ask('server/discover'),
  'lists, and how long they are good': inOrder(
    ask('tools/list'),
    ask('prompts/list'),
    ask('resources/list'),
    ask('resources/templates/list'),
  ),
  'plain results': inOrder(tool('test_simple_text'), tool('test_multiple_content_types')),
  'large results': bulky,
  'resources, text and binary': inOrder(
    ask('resources/read', { uri: 'test://static-text' }),
    ask('resources/read', { uri: 'test://static-binary' }),
    refused(ask('resources/read', { uri: 'test://nowhere' })),
  ),
  prompts: ask('prompts/get', {
    name: 'test_prompt_with_arguments',
    arguments: { arg1: 'one', arg2: 'δύο' },
  }),
  completions: ask('completion/complete', {
    ref: { type: 'ref/prompt', name: 'test_prompt_with_arguments' },
    argument: { name: 'arg1', value: 'pa' },
  }),
  'progress in the stream of the call': progressing('test_tool_with_progress'),
  'logs in the stream of the call': async (peer) => {
    const from = peer.heard.length;
    const _meta = { 'io.modelcontextprotocol/logLevel': 'info' };
    await peer.request('tools/call', { name: 'test_logging_tool', arguments: {}, _meta });
    return peer.heard.slice(from).map(({ method, params, result }) => ({ method, params, result }));
  },
  'a call that asks in two rounds': asking('tools/call', {
    name: 'test_input_required_result_multi_round',
    arguments: {},
  }),
  'a call that asks for three things at once': asking('tools/call', {
    name: 'test_input_required_result_multiple_inputs',
    arguments: {},
  }),
  'a prompt that asks': asking('prompts/get', { name: 'test_input_required_result_prompt' }),
  subscriptions: (peer) => listening(peer as ModernPeer),
  'what there is not': inOrder(
    refused(tool('no-such-tool')),
    refused(ask('no/such/method')),
    refused(ask('prompts/get', { name: 'no-such-prompt' })),
  ),
};
