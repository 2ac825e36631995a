import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { sendJson } from './local-server.js';

/** What the endpoint would have said, had nobody scripted it. Computing it has its effects: tokens are rotated. */
export interface OrdinaryAnswer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** One scripted answer. It writes to `response`, or destroys its socket; `ordinary()` does the endpoint's work. */
export type ScriptedAnswer = (
  response: ServerResponse,
  ordinary: () => Promise<OrdinaryAnswer>,
) => void | Promise<void>;

/** Never answers; the client's deadline must. */
export const hang: ScriptedAnswer = () => undefined;

/** Does its work, then takes its time. */
export const slow =
  (ms: number): ScriptedAnswer =>
  async (response, ordinary) => {
    const { status, body } = await ordinary();
    await sleep(ms);
    sendJson(response, status, body);
  };

/** An error status without having done anything. */
export const status =
  (
    code: number,
    body: Record<string, unknown> = {},
    headers: Record<string, string> = {},
  ): ScriptedAnswer =>
  (response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    sendJson(response, code, body);
  };

/** 429, with Retry-After if seconds are given. */
export const tooManyRequests = (retryAfterSeconds?: number): ScriptedAnswer =>
  status(
    429,
    { error: 'slow_down' },
    retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) },
  );

/** A login page in the place of an API's answer, as captive portals and proxies do. */
export const html: ScriptedAnswer = (response) => {
  response.writeHead(200, { 'content-type': 'text/html' });
  response.end('<!doctype html><title>Sign in</title><p>Please sign in to the network.');
};

/** 200 with a JSON content type and no JSON. */
export const garbage: ScriptedAnswer = (response) => {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end('{"access_token": "\u0000\u0001');
};

/** Does its work, then sends half of the answer and resets the connection. */
export const halfResponse: ScriptedAnswer = async (response, ordinary) => {
  const { body } = await ordinary();
  const text = JSON.stringify(body);
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': text.length });
  response.write(text.slice(0, text.length / 2), () => response.destroy());
};

/** Does its work and resets the connection without a word: with rotation, the new token is lost. */
export const dropAfterWork: ScriptedAnswer = async (response, ordinary) => {
  await ordinary();
  response.socket?.resetAndDestroy();
};

/** Resets the connection at once. */
export const dropBeforeWork: ScriptedAnswer = (response) => {
  response.socket?.resetAndDestroy();
};

/** The ordinary answer with members replaced, or removed where the value is undefined. */
export const altered =
  (members: Record<string, unknown>): ScriptedAnswer =>
  async (response, ordinary) => {
    const answer = await ordinary();
    sendJson(response, answer.status, { ...answer.body, ...members });
  };

/** 64 MiB of JSON in 64 KiB of gzip. */
export const gzipBomb: ScriptedAnswer = (response) => {
  const bomb = gzipSync(`{"access_token":"${'a'.repeat(64 * 1024 * 1024)}"}`, { level: 9 });
  response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
  response.end(bomb);
};

/** A byte each 100 ms, for ever. */
export const slowDrip: ScriptedAnswer = (response) => {
  response.writeHead(200, { 'content-type': 'application/json' });
  const timer = setInterval(() => response.write(' '), 100);
  response.once('close', () => clearInterval(timer));
};
