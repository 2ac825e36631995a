import { expect, test } from 'vitest';
import { Problem } from './problem.js';

test('a refusal is made without a look at the stack, and leaves all other errors theirs', () => {
  const { stackTraceLimit } = Error;
  expect(new Problem('unauthenticated', 'Sign in.').stack).not.toMatch(/\n +at /);
  expect(Error.stackTraceLimit).toBe(stackTraceLimit);
  expect(new Error('another').stack).toMatch(/\n +at /);
});

test('what went wrong on our side says where', () => {
  expect(new Problem('internal', 'Something went wrong.').stack).toMatch(/\n +at /);
});
