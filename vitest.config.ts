import { defineConfig } from 'vitest/config';

// Our own files are read as source; `node` is Vite's default that a list of ours replaces.
const resolve = { conditions: ['symbolon-source', 'node'] };
const exclude = ['**/node_modules/**', 'dist/**', 'test/architecture/*/fixture/**'];

// Each file has a database or a stack of its own, and most of its time is waiting.
const maxWorkers = 2;

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
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['{apps,libs,migrations,trial,bench}/**/*.spec.{ts,tsx}'],
          exclude,
          globalSetup: ['test/global-setup.ts'],
          maxWorkers,
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
          globalSetup: ['test/global-setup.ts'],
          hookTimeout: 180_000,
          maxWorkers,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'system',
          include: ['test/**/*.spec.{ts,tsx}'],
          exclude: [...exclude, 'test/faults/**'],
          globalSetup: ['test/global-setup.ts'],
          testTimeout: 120_000,
          hookTimeout: 180_000,
          maxWorkers,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
