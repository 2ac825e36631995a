/** Files that may be longer than 300 lines, each with the reason. An entry that is no longer needed is an error. */
export const longFiles = new Map([
  [
    'apps/vault/src/grants/postgres-grant-store.ts',
    'Reading, storing and ending a grant share one row and its locks; to be split into reads and writes.',
  ],
]);
