/** The advisory lock of whoever changes the schema. Any constant will do; it must only be the same everywhere. */
export const migrationLock = 7_301_984_512;
