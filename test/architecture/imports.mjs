import { cruise } from 'dependency-cruiser';
import config from '../../.dependency-cruiser.mjs';
import { isSpec } from './tree.mjs';

const folderCycles = {
  name: 'no-folder-cycles',
  why: 'Folders that depend on each other cannot be understood, tested or moved apart. Declare a port where the dependency would close the circle, and implement it on the other side.',
};

/** The folder that is one piece of the design: a feature of an app, a lib; else the file stands for itself. */
function unitOf(path) {
  return (/^apps\/[^/]+\/src\/[^/]+(?=\/)/.exec(path) ?? /^libs\/[^/]+(?=\/)/.exec(path))?.[0];
}

function unitArrows(modules) {
  const arrows = new Map();
  for (const { source, dependencies } of modules) {
    if (isSpec(source)) continue;
    const from = unitOf(source);
    for (const { resolved } of dependencies) {
      const to = unitOf(resolved);
      if (!from || !to || from === to) continue;
      const targets = arrows.get(from) ?? new Map();
      if (!targets.has(to)) targets.set(to, { source, resolved });
      arrows.set(from, targets);
    }
  }
  return arrows;
}

function pathBack(arrows, start, from, seen) {
  for (const next of arrows.get(from)?.keys() ?? []) {
    if (next === start) return [from, start];
    if (seen.has(next)) continue;
    seen.add(next);
    const rest = pathBack(arrows, start, next, seen);
    if (rest) return [from, ...rest];
  }
  return undefined;
}

/** Each circle once, told from its alphabetically first folder, with an import for every arrow. */
function findFolderCycles(modules) {
  const arrows = unitArrows(modules);
  const found = new Map();
  for (const start of [...arrows.keys()].toSorted()) {
    const circle = pathBack(arrows, start, start, new Set());
    if (!circle) continue;
    const steps = circle.slice(1).map((to, i) => arrows.get(circle[i]).get(to));
    const key = circle.slice(1).toSorted().join();
    if (!found.has(key)) found.set(key, { circle, steps });
  }
  return [...found.values()].map(({ circle, steps }) => ({
    rule: folderCycles.name,
    file: steps[0].source,
    found: [circle.join(' → '), ...steps.map((s) => `    ${s.source} → ${s.resolved}`)].join('\n'),
    why: folderCycles.why,
  }));
}

function fromCruiser({ rule, from, to, cycle }) {
  const { comment } = config.forbidden.find(({ name }) => name === rule.name);
  const found = cycle?.length > 1 ? [from, ...cycle.map(({ name }) => name)].join(' → ') : to;
  return { rule: rule.name, file: from, found: `imports ${found}`, why: comment };
}

export const importRules = [...config.forbidden.map(({ name }) => name), folderCycles.name];

/** Violations of the rules about who imports whom, in the given folders of `root`. */
export async function findImportViolations(root, folders) {
  const { output } = await cruise(folders, {
    ...config.options,
    ruleSet: { forbidden: config.forbidden },
    validate: true,
    baseDir: root,
  });
  return [
    ...output.summary.violations.map((violation) => fromCruiser(violation)),
    ...findFolderCycles(output.modules),
  ];
}
