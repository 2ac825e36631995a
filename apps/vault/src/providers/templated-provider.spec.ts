import { describe, expect, test } from 'vitest';
import { allTemplates } from '../templates/catalogue.js';
import { businessRows } from './quirks-of-business-fixture.js';
import { collaborationRows } from './quirks-of-collaboration-fixture.js';
import { identityRows } from './quirks-of-identity-fixture.js';
import { serviceRows } from './quirks-of-services-fixture.js';
import { type QuirkRow, tripOf } from './quirk-trip-fixture.js';

const rows: readonly QuirkRow[] = [
  ...identityRows,
  ...collaborationRows,
  ...businessRows,
  ...serviceRows,
];

test('a template ships only with a server that behaves that way', () => {
  expect(rows.map(({ template }) => template).sort()).toEqual(
    allTemplates()
      .map(({ name }) => name)
      .sort(),
  );
});

describe('a trip to a server that behaves as the provider does', () => {
  test.each(rows.map((row) => [row.template, row] as const))('%s', async (_name, row) => {
    expect(await tripOf(row, true)).toEqual(row.trip);
  });

  const peculiar = rows.filter(({ without }) => without !== undefined);
  test.each(peculiar.map((row) => [row.template, row] as const))(
    '%s: the same without its template goes wrong where it is said to',
    async (_name, row) => {
      expect(await tripOf(row, false)).toMatchObject(row.without ?? {});
    },
  );
});
