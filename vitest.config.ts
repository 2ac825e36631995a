import { defineConfig } from 'vitest/config';

// Our own files are read as source; `node` is Vite's default that a list of ours replaces.
const resolve = { conditions: ['symbolon-source', 'node'] };
const exclude = ['**/node_modules/**', 'dist/**', 'test/architecture/*/fixture/**'];

// Each file has a database or a stack of its own. Units mostly wait; two systems keep two cores busy.
const workers = { unit: 3, system: 2 };

export default defineConfig({
  resolve,
  ssr: {
    resolve: { conditions: ['symbolon-source'], externalConditions: ['symbolon-source', 'node'] },
  },
  // The environment in which vitest 4 loads test/global-setup.ts.
  environments: { __vitest__: { resolve } },
  test: {
    pool: 'forks',
    testTimeout: 20_000,
    hookTimeout: 60_000,
    globalSetup: ['test/global-setup.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['{apps,libs,migrations,trial,bench}/**/*.spec.{ts,tsx}'],
          exclude,
          // Half of the time would go into loading the same modules for each of the files anew.
          isolate: false,
          maxWorkers: workers.unit,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          // The longest by far, so it begins first: of a group, projects begin in the order of their names.
          name: 'faults',
          include: ['test/faults/**/*.spec.ts'],
          exclude,
          hookTimeout: 180_000,
          maxWorkers: workers.system,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'system',
          include: ['test/**/*.spec.{ts,tsx}'],
          exclude: [...exclude, 'test/faults/**'],
          testTimeout: 120_000,
          hookTimeout: 180_000,
          maxWorkers: workers.system,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
