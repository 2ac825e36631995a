import type { ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { Agent } from 'undici';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startLocalServer, type LocalServer } from '#lib/testing/local-server';
import { DirectAnswer, ended, type Ending } from './direct-answer.js';

let upstream: LocalServer;
let answering: (response: ServerResponse) => void;
let agent: Agent;
const open: Ending = { watch: () => () => undefined };

beforeEach(async () => {
  upstream = await startLocalServer((_request, response) => answering(response));
  agent = new Agent({ connections: 1, pipelining: 1 });
});
afterEach(async () => {
  await agent.destroy();
  await upstream.stop();
});

function ask(ending = open): Promise<DirectAnswer> {
  const body = Buffer.from('{}');
  return DirectAnswer.to(
    agent,
    { origin: upstream.origin, path: '/', method: 'POST', body },
    ending,
  );
}

/** What a client sees of an answer that is piped to it. */
async function piped(answer: DirectAnswer): Promise<string> {
  const front = await startLocalServer((_request, response) => {
    response.writeHead(answer.status);
    answer.pipeTo(response).catch(() => response.destroy());
  });
  try {
    return await (await fetch(front.origin)).text();
  } finally {
    await front.stop();
  }
}

const inPieces = (pieces: number, size: number) => (response: ServerResponse) => {
  response.writeHead(200);
  for (let i = 0; i < pieces; i += 1) response.write(Buffer.alloc(size, i % 250));
  response.end();
};

describe('an answer of an upstream', () => {
  test('that came whole with its head is passed on whole', async () => {
    answering = (response) => response.writeHead(201).end('short');
    const answer = await ask();
    expect([answer.status, await piped(answer)]).toEqual([201, 'short']);
  });

  test('of any length passes to a client, and to who reads its stream', async () => {
    answering = inPieces(200, 100_000);
    expect(await piped(await ask())).toHaveLength(20_000_000);
    const answer = await ask();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await text(answer.body)).toHaveLength(20_000_000);
  });

  test('that breaks off is no whole answer', async () => {
    answering = (response) => {
      response.writeHead(200);
      response.write('half');
      setImmediate(() => response.destroy());
    };
    await expect(piped(await ask())).rejects.toThrow();
    await expect(text((await ask()).body)).rejects.toThrow();
  });

  test('that nobody wants frees its connection', async () => {
    answering = inPieces(200, 100_000);
    (await ask()).discard();
    answering = (response) => response.end('next');
    expect(await text((await ask()).body)).toBe('next');
  });

  test('is not waited for once the call has ended, connected or not', async () => {
    const ends: (() => void)[] = [];
    const ending: Ending = { watch: (end) => (ends.push(end), () => undefined) };
    answering = () => undefined;
    // The second waits for the connection of the first.
    const asked = [ask(ending), ask(ending)];
    await new Promise((resolve) => setTimeout(resolve, 20));
    for (const end of ends) end();
    for (const one of asked) await expect(one).rejects.toBe(ended);
  });

  test('ends in the middle where the call ends, and then nothing watches', async () => {
    let end = (): void => undefined;
    let watched = false;
    const ending: Ending = {
      watch: (stop) => {
        end = stop;
        watched = true;
        return () => (watched = false);
      },
    };
    answering = (response) => void response.writeHead(200).write('half');
    const answer = await ask(ending);
    const read = text(answer.body);
    end();
    await expect(read).rejects.toBe(ended);
    expect(watched).toBe(false);
  });
});
