import { createServer } from 'node:http';
import { expect, it } from 'vitest';
import { portTaken } from '#lib/embedded-postgres/port-taken';
import { readText } from './read-text.js';

it('reads at a port that fetch refuses to open', async () => {
  const blocked = [6697, 6566, 10_080];
  const taken = await Promise.all(blocked.map(portTaken));
  const port = blocked[taken.indexOf(false)] ?? 0;
  const server = createServer((_request, response) => response.end('counters'));
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${port}/metrics`;
  await expect(fetch(url)).rejects.toThrow('fetch failed');
  expect(await readText(url)).toBe('counters');
  server.close();
});
