import { expect, it } from 'vitest';
import { ReadinessChecks } from './health.js';

function checks(timeoutMs = 1000) {
  const errors: [string, unknown][] = [];
  return { errors, readiness: new ReadinessChecks((...error) => errors.push(error), timeoutMs) };
}

it('is ready when each check is', async () => {
  const { readiness } = checks();
  readiness.add('database', async () => undefined);
  readiness.add('keyring', () => undefined);
  expect(await readiness.collect()).toEqual({
    status: 200,
    body: { status: 'ready', checks: { database: 'ok', keyring: 'ok' } },
  });
});

it('answers 503 with the reason of each check that is not', async () => {
  const { readiness } = checks();
  readiness.add('database', () => undefined);
  readiness.add('schema', async () => 'the schema is behind: run the migrations');
  const { status, body } = await readiness.collect();
  expect(status).toBe(503);
  expect(body).toEqual({
    status: 'not-ready',
    checks: { database: 'ok', schema: 'the schema is behind: run the migrations' },
  });
});

it('keeps the message of a check that throws for the log', async () => {
  const { readiness, errors } = checks();
  const error = new Error('connect postgres://vault:pw@db');
  readiness.add('database', () => Promise.reject(error));
  expect((await readiness.collect()).body.checks).toEqual({ database: 'failed' });
  expect(errors).toEqual([['database', error]]);
});

it('does not wait for a check that hangs', async () => {
  const { readiness } = checks(20);
  readiness.add('database', () => new Promise(() => {}));
  expect((await readiness.collect()).body.checks).toEqual({ database: 'no answer in time' });
});

it('refuses two checks of one name', () => {
  const { readiness } = checks();
  readiness.add('database', () => undefined);
  expect(() => readiness.add('database', () => undefined)).toThrow('database');
});
