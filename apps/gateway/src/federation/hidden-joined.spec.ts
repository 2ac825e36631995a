import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RawClient, toolPolicy } from '../mcp/policy-fixture.js';
import { mcpUpstream, startJoined, type Joined } from './joined-gateway-fixture.js';
import { Names } from './names.js';
import { ScriptedUpstream, type ScriptedCall } from './scripted-upstream-fixture.js';

const strange = 'secret tool';
const hidden = { tools: toolPolicy({ 'secret*': { hidden: true } }) };
const listed = ['open', 'secret', strange];
let modern: ScriptedUpstream;
let legacy: ScriptedUpstream;
let joined: Joined;

/** What it has answers; anything else it refuses in words of its own, after words before the answer. */
const serve = ({ params: { name }, notify }: ScriptedCall) => {
  if (listed.includes(String(name))) return { content: [] };
  notify('notifications/message', { level: 'error', data: `no ${String(name)}` });
  return { isError: true, content: [{ type: 'text', text: `I know no "${String(name)}" here` }] };
};

beforeEach(async () => {
  [modern, legacy] = await Promise.all([
    ScriptedUpstream.start('modern', listed),
    ScriptedUpstream.start('legacy', listed),
  ]);
  for (const one of [modern, legacy]) one.on.set('tools/call', serve);
  joined = await startJoined([
    mcpUpstream('modern', modern.url, hidden),
    mcpUpstream('legacy', legacy.url, hidden),
    mcpUpstream('open', modern.url),
  ]);
  for (const slug of ['modern', 'legacy', 'open']) joined.vault.grant('alice', 'app', slug);
});

afterEach(async () => {
  await joined.close();
  await Promise.all([modern, legacy].map((one) => one.stop()));
});

describe.each(['modern', 'legacy'] as const)('hidden-tool probing at /mcp, %s', (era) => {
  it.each(['modern', 'legacy'])(
    'a hidden tool of a %s upstream answers as one that does not exist',
    async (slug) => {
      const client = new RawClient(joined, era, 'alice.app');
      if (era === 'legacy') await client.ask('logging/setLevel', { level: 'debug' });
      const [one, other] = [
        await client.call(`${slug}_secret`),
        await client.call(`${slug}_sekret`),
      ];
      expect(one.text.replaceAll('secret', 'sekret')).toBe(other.text);
      expect(one.text).toContain('I know no \\"secret\\" here');
      expect([one.status, one.headers.get('content-type')]).toEqual([
        other.status,
        other.headers.get('content-type'),
      ]);
      const sent = [...modern.seen, ...legacy.seen].filter(({ method }) => method === 'tools/call');
      expect(sent).toHaveLength(2);
      expect(JSON.stringify(sent)).not.toContain('secret');
    },
  );

  it('so does one whose name had to be derived', async () => {
    const client = new RawClient(joined, era, 'alice.app');
    expect(await client.tools()).toEqual([
      ...['legacy_open', 'modern_open', 'open_open', 'open_secret'],
      new Names([{ slug: 'open' }]).joined('open', strange),
    ]);
    const name = new Names([{ slug: 'modern' }]).joined('modern', strange);
    const unknown = name.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
    const [one, other] = [await client.call(name), await client.call(unknown)];
    expect(one.status).toBe(other.status);
    expect(one.text.replace(name, unknown)).toBe(other.text);
    expect(modern.methods().concat(legacy.methods())).not.toContain('tools/call');
  });
});
