import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { findViolations, ruleNames } from './violations.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const fixtureOf = (rule: string) => `${here}${rule}/fixture`;

describe('the architecture rules', () => {
  it.each([...ruleNames])('%s: its fixture breaks it, and nothing else', async (rule) => {
    expect(existsSync(fixtureOf(rule)), `${rule} has no fixture`).toBe(true);
    const violations = await findViolations(fixtureOf(rule));
    expect(new Set(violations.map((violation) => violation.rule))).toEqual(new Set([rule]));
  });

  it('have a fixture each, and no fixture is left over', () => {
    const folders = readdirSync(here, { withFileTypes: true }).filter((entry) =>
      entry.isDirectory(),
    );
    expect(folders.map(({ name }) => name).toSorted()).toEqual([...ruleNames].toSorted());
  });
});
