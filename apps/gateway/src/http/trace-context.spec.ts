import { expect, test } from 'vitest';
import { traceContext } from './trace-context.js';

const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

test('what a request bears of a trace is passed on', () => {
  expect(traceContext({}, 'token')).toEqual([]);
  expect(traceContext({ traceparent }, 'token')).toEqual(['traceparent', traceparent]);
  expect(traceContext({ traceparent, tracestate: 'a=1' }, '')).toEqual([
    'traceparent',
    traceparent,
    'tracestate',
    'a=1',
  ]);
});

test.each(['', 'ff-00-00-01', `${traceparent}-more`, traceparent.toUpperCase()])(
  'what is none is not: %j',
  (not) => {
    expect(traceContext({ traceparent: not, tracestate: 'a=1' }, 'token')).toEqual([]);
  },
);

test('what Connection names stays here', () => {
  const headers = { traceparent, tracestate: 'a=1', connection: 'close, traceparent' };
  expect(traceContext(headers, 'token')).toEqual([]);
});

test('row 20, token passthrough: no state that holds the caller’s token, and none that is too long', () => {
  for (const tracestate of ['a=token', `a=${'x'.repeat(600)}`])
    expect(traceContext({ traceparent, tracestate }, 'token')).toEqual([
      'traceparent',
      traceparent,
    ]);
});
