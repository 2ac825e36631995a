import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, test } from 'vitest';
import { allTemplates, readTemplate, templateNamed } from './catalogue.js';
import { addressesOf, fillTemplate } from './fill-template.js';

/** At least these. */
const promised = [
  ...['oidc', 'entra', 'google', 'github', 'github-app', 'gitlab', 'slack', 'atlassian'],
  ...['snowflake', 'salesforce', 'okta', 'notion', 'linear', 'hubspot', 'box', 'dropbox', 'zoom'],
  ...['x', 'xero', 'quickbooks', 'shopify', 'zendesk', 'stripe', 'figma', 'discord', 'asana'],
  'mcp',
];

describe('the catalogue', () => {
  it('has what was promised', () => {
    for (const name of promised) expect(templateNamed(name)?.name).toBe(name);
  });

  it.each(allTemplates().map((one) => [one.name, one] as const))(
    '%s takes its own examples, and leads to https alone',
    (_name, one) => {
      const examples = Object.entries(one.variables).map(([name, { example }]) => [name, example]);
      const filled = fillTemplate(one, Object.fromEntries(examples) as Record<string, string>);
      if (!filled.ok) throw new Error(JSON.stringify(filled.errors));
      for (const { url } of addressesOf(filled.template))
        expect(url.replaceAll(/\{(?:token|clientId)\}/g, 'x')).toMatch(/^https:\/\/[^{}\s]+$/);
    },
  );
});

describe('a file that is not right stops the process, and is named', () => {
  const good = {
    name: 'acme',
    title: 'Acme',
    docs: 'https://acme.example',
    register: 'A client.',
    scopesHint: 'None.',
    quirks: ['one'],
    endpoints: { authorization: 'https://acme.example/a', token: 'https://{host}.acme.example/t' },
    variables: {
      host: { description: 'A host.', pattern: '[a-z]+', example: 'eu', hosts: ['*.acme.example'] },
    },
  };
  const host = good.variables.host;

  it('but a good one is read', () => {
    expect(readTemplate('acme.json', JSON.stringify(good)).title).toBe('Acme');
  });

  it.each<[string, object, RegExp]>([
    ['an unknown member', { colour: 'red' }, /Unrecognized key/],
    [
      'an address that is not https',
      { endpoints: { ...good.endpoints, token: 'http://a' } },
      /https/,
    ],
    ['both issuer and endpoints', { issuer: 'https://acme.example' }, /exactly one/],
    ['another name than its file', { name: 'other' }, /name/],
    ['a variable that is not used', { variables: { host, more: host } }, /more is not used/],
    ['a placeholder that is no variable', { variables: {} }, /names host, which is no variable/],
    ['a wrong example', { variables: { host: { ...host, example: '1' } } }, /example of host/],
    ['an open host', { variables: { host: { ...host, hosts: undefined } } }, /names no hosts/],
    [
      'a host that leads elsewhere',
      { variables: { host: { ...host, hosts: ['a.example'] } } },
      /elsewhere/,
    ],
    [
      'a pattern that is none',
      { variables: { host: { ...host, pattern: '(' } } },
      /regular expression/,
    ],
  ])('%s', (_name, more, expected) => {
    const text = JSON.stringify({ ...good, ...more });
    expect(() => readTemplate('acme.json', text)).toThrow(/acme\.json is not valid/);
    expect(() => readTemplate('acme.json', text)).toThrow(expected);
  });
});

test('no provider’s name or host stands in code: only in data and tests', () => {
  // These are also words of ours: the type of an upstream, a protocol, a coordinate.
  const ours = ['mcp', 'oidc', 'x'];
  const names = allTemplates()
    .map(({ name }) => name)
    .filter((name) => !ours.includes(name));
  const hosts = allTemplates()
    .flatMap(addressesOf)
    .map(({ url }) => /^https:\/\/(?:\{\w+\}\.)?([^/{}]+)/.exec(url)?.[1])
    .filter((host) => host !== undefined);
  const found = sourceFiles().flatMap((file) => {
    const text = readFileSync(file, 'utf8');
    return [
      ...names.filter((name) => new RegExp(`['"\`]${name}['"\`]`).test(text)),
      ...hosts.filter((host) => text.includes(host)),
    ].map((word) => `${file}: ${word}`);
  });
  expect(found).toEqual([]);
});

function sourceFiles(): string[] {
  return ['apps', 'libs'].flatMap((folder) => {
    const path = fileURLToPath(new URL(`../../../../${folder}`, import.meta.url));
    return readdirSync(path, { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.tsx?$/.test(file) && !/\.spec\.tsx?$|-fixture\.tsx?$/.test(file))
      .map((file) => `${path}/${file}`);
  });
}
