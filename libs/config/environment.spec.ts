import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ConfigurationError, readEnvironment, settledEnvironment } from './environment.js';
import { port, publicUrl, publicUrlProblem, secret } from './settings.js';

const schema = z.object({
  SYMBOLON_PORT: port.describe('port it listens on'),
  SYMBOLON_URL: publicUrl,
  SYMBOLON_KEY: secret.optional(),
});

function problemsOf(environment: Record<string, string>): readonly string[] {
  try {
    readEnvironment(schema, environment);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
  return [];
}

describe('the environment', () => {
  it('names everything that is wrong at once', () => {
    const problems = problemsOf({ SYMBOLON_PORT: 'x', SYMBOLON_URL: 'https://a.example/' });
    expect(problems).toHaveLength(2);
    expect(problems.join()).toMatch(/SYMBOLON_PORT.*SYMBOLON_URL/s);
  });

  it('says what a missing setting is for', () => {
    expect(problemsOf({ SYMBOLON_PORT: '1' })[0]).toMatch(/^SYMBOLON_URL: is required/);
    expect(problemsOf({ SYMBOLON_URL: 'https://a.example' })).toEqual([
      'SYMBOLON_PORT: is required: port it listens on',
    ]);
  });

  it('reads a value from the file that NAME_FILE names, without its last line break', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'symbolon-')), 'key');
    writeFileSync(file, 's3cret\n');
    const settings = readEnvironment(schema, {
      SYMBOLON_PORT: '1',
      SYMBOLON_URL: 'https://a.example',
      SYMBOLON_KEY_FILE: file,
    });
    expect(settings.SYMBOLON_KEY?.reveal()).toBe('s3cret');
    expect(JSON.stringify(settings)).not.toContain('s3cret');
  });

  it('is settled as texts, files read, for a process that is to run with the same', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'symbolon-')), 'key');
    writeFileSync(file, 'first');
    const environment = { SYMBOLON_PORT: '1', SYMBOLON_KEY_FILE: file, OTHER: 'x' };
    const settled = settledEnvironment(schema, environment);
    writeFileSync(file, 'second');
    expect(settled).toEqual({ SYMBOLON_PORT: '1', SYMBOLON_KEY: 'first' });
    const unreadable = { SYMBOLON_KEY_FILE: '/nowhere/key' };
    expect(() => settledEnvironment(schema, unreadable)).toThrow('ENOENT');
  });

  it('refuses a value given twice and an unreadable file', () => {
    const good = { SYMBOLON_PORT: '1', SYMBOLON_URL: 'https://a.example' };
    expect(problemsOf({ ...good, SYMBOLON_KEY: 'a', SYMBOLON_KEY_FILE: '/x' })[0]).toMatch(
      /both set/,
    );
    expect(problemsOf({ ...good, SYMBOLON_KEY_FILE: '/nowhere/key' })[0]).toMatch(/ENOENT/);
  });

  it.each([
    ['https://vault.example.com', 'production', true],
    ['http://vault.example.com', 'production', false],
    ['http://127.0.0.1:4100', 'production', false],
    ['http://localhost:4100', 'development', true],
    ['http://127.0.0.1:4100', 'development', true],
    ['http://[::1]:4100', 'development', true],
    ['http://10.0.0.1', 'development', false],
    ['https://vault.example.com', 'development', false],
  ] as const)('%s in %s mode: %s', (url, mode, accepted) => {
    expect(publicUrlProblem(url, mode) === undefined).toBe(accepted);
  });
});
