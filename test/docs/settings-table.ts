import type { z } from 'zod';

export interface ProcessSettings {
  readonly title: string;
  readonly command: string;
  readonly schema: z.ZodObject;
}

const cell = (text: string) => text.replaceAll('|', String.raw`\|`).replaceAll('\n', ' ');

function defaultOf(setting: z.ZodType): string {
  const parsed = setting.safeParse(undefined);
  if (!parsed.success) return '**required**';
  const value: unknown = parsed.data;
  const isScalar = ['string', 'number', 'boolean'].includes(typeof value);
  return isScalar && value !== '' ? `\`${String(value)}\`` : '';
}

function settingsTable({ title, command, schema }: ProcessSettings): string {
  const rows = Object.entries(schema.shape as Record<string, z.ZodType>).map(
    ([name, setting]) =>
      `| \`${name}\` | ${defaultOf(setting)} | ${cell(setting.description ?? '')} |`,
  );
  return [
    `## ${title}`,
    '',
    `\`${command}\``,
    '',
    '| variable | default | meaning |',
    '|---|---|---|',
    ...rows,
  ].join('\n');
}

/** The text of docs/configuration.md: one table per process, from the schema that the process itself parses. */
export function configurationDocument(processes: readonly ProcessSettings[]): string {
  return `# Configuration

<!-- Written by \`npm run docs:generate\` from the schemas in apps/*/src/config.ts; a test compares. -->

The processes are configured by environment variables only. Every variable can also be given as the path of a
file that holds its value: \`NAME_FILE\`. A process that finds anything wrong lists **all** that is wrong and does not
start. OpenTelemetry's own variables are the SDK's ([operations](operations.md#traces)).

${processes.map((process) => settingsTable(process)).join('\n\n')}
`;
}
