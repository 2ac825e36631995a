import type { Template } from '../../apps/vault/src/templates/template.js';

const day = 86_400;

function lasting(seconds: number): string {
  if (seconds === 0) return 'not at all';
  if (seconds === day) return '1 day';
  if (seconds % day === 0) return `${seconds / day} days`;
  return seconds % 60 === 0 ? `${seconds / 60} minutes` : `${seconds} s`;
}

function refreshing({ refresh }: Template): string {
  const { rotation, graceSeconds, idleSeconds, absoluteSeconds } = refresh;
  const rotations = {
    always: 'replaced at each refresh',
    never: 'stays',
    optional: 'replaced if so registered',
  };
  return [
    rotation && rotations[rotation],
    graceSeconds !== undefined && `the old one works on: ${lasting(graceSeconds)}`,
    idleSeconds !== undefined && `unused ${lasting(idleSeconds)}`,
    absoluteSeconds !== undefined && `${lasting(absoluteSeconds)} in all`,
  ]
    .filter(Boolean)
    .join('; ');
}

function wanted({ variables, needs }: Template): string[] {
  const own = Object.entries(variables).map(([name, { default: standard }]) =>
    standard === undefined ? `\`${name}\`` : `\`${name}\` (${standard === '' ? 'none' : standard})`,
  );
  return [...own, ...needs.map((member) => `the member \`${member}\``)];
}

function row(template: Template): string {
  const { name, title } = template;
  const cells = [`[${title}](#${anchor(title)})`, `\`${name}\``, wanted(template).join(', ')];
  return `| ${[...cells, refreshing(template)].join(' | ')} |`;
}

const anchor = (title: string) => title.toLowerCase().replaceAll(/\s/g, '-');

function keeps({ metadata }: Template): string {
  const names = [
    ...Object.keys(metadata.callback),
    ...Object.keys(metadata.tokenResponse),
    ...metadata.postConnect.flatMap(({ take }) => Object.keys(take)),
  ];
  return names.map((name) => `\`${name}\``).join(', ');
}

function section(template: Template): string {
  const { title, docs, register, variables, scopes, scopesHint, quirks, inject } = template;
  const kept = keeps(template);
  return [
    `### ${title}`,
    '',
    `${register} ([its documentation](${docs}))`,
    '',
    ...Object.entries(variables).map(
      ([name, { description, example }]) =>
        `- \`${name}\`: ${description} For example \`${example}\`.`,
    ),
    `- Scopes: ${scopesHint}${scopes.length > 0 ? ` Unless you say otherwise: \`${scopes.join(' ')}\`.` : ''}`,
    ...quirks.map((quirk) => `- Put right: ${quirk}.`),
    ...(kept === '' ? [] : [`- Kept with the grant: ${kept}.`]),
    ...(inject
      ? [`- The token goes out in \`${inject.header}${inject.scheme && `: ${inject.scheme}`}\`.`]
      : []),
  ].join('\n');
}

/** The text of docs/providers.md: what each template needs and puts right, from the catalogue itself. */
export function providersPage(templates: readonly Template[]): string {
  return `# Providers

<!-- Written by \`npm run docs:generate\` from apps/vault/src/templates/catalogue/; a test compares. -->

OAuth is a framework, and each provider fills it in differently. What is peculiar to one stands in a template: a file of data
without any code, applied by one normaliser between the OAuth library and the network. Each template ships with a test
against a server that behaves as that provider does, and refuses what it refuses.

## Using one

\`\`\`sh
put oauth-clients/data <<'JSON'
{ "name": "Data", "template": "snowflake", "variables": { "account": "myorg-account1", "role": "role:ANALYST" } }
JSON
\`\`\`

The answer shows the \`redirectUri\` to register at the provider; then send it again with \`clientId\` and \`clientSecret\`
([registering](registering.md#3-the-oauth-client-at-the-upstreams-provider)). \`GET /admin/v1/templates\` says the same as this page, for the
release that runs.

What the document says itself comes before the template: \`scopes\`, \`clientAuth\`, \`authorizeParams\` and \`refresh\` (member
by member), \`sharing\`, and even \`endpoints\` or \`issuer\`, for a government cloud or an instance of one's own; at
another origin no address of the template is called, so name the others that there are, such as \`revocation\`. What it leaves
out is not copied into it, so a correction in a later release reaches every registration.

- A variable that is missing or wrong is answered with its pointer. A variable that stands in a host name leads to the hosts
  of that provider only.
- Another template or variable is another server: the secret must be given again, and what was granted waits for the
  person's consent (row 34 of the [threat model](threat-model.md)).
- What a provider tells once (an instance's address, a tenant) is kept with the grant; \`GET /admin/v1/grants/{id}\`
  shows it as \`metadata\`. In requests it stands where a header of \`inject.extra\` names it ([limits](limits.md)).
- Upstreams without \`inject\` take the header of the template; its \`inject.extra\` (a version, a tenant) goes out with each request.
- Revoking reaches the provider in the way that it offers. Where it wants an access token and only the refresh token is
  certain to work, the vault refreshes once more for it.

A provider that is not here and keeps to the RFCs needs no template: \`issuer\` or \`endpoints\` are enough.

## All of them

| provider | template | variables (default) | its refresh token |
|---|---|---|---|
${templates.map(row).join('\n')}

${templates.map(section).join('\n\n')}
`;
}
