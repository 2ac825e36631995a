import { describe, expect, it } from 'vitest';
import { allTemplates, readTemplate, templateNamed } from './catalogue.js';
import { fillTemplate } from './fill-template.js';

describe('the catalogue', () => {
  it('reads every file', () => {
    expect(allTemplates().length).toBeGreaterThanOrEqual(27);
    for (const one of allTemplates()) expect(templateNamed(one.name)).toBe(one);
  });

  it.each(allTemplates().map((one) => [one.name, one] as const))(
    '%s takes its own examples',
    (_name, one) => {
      const examples = Object.entries(one.variables).map(([name, { example }]) => [name, example]);
      const filled = fillTemplate(one, Object.fromEntries(examples) as Record<string, string>);
      expect(filled).toMatchObject({ ok: true });
    },
  );
});

void readTemplate;
