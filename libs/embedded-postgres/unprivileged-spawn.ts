import { spawnSync } from 'node:child_process';
import type { SpawnOptions } from 'node:child_process';

/** How to run a program that refuses to be root. */
export interface UnprivilegedSpawn {
  readonly command: (
    program: string,
    args: readonly string[],
  ) => readonly [string, readonly string[]];
  readonly options: Pick<SpawnOptions, 'uid' | 'gid'>;
  /** The owner that the data directory must have; undefined: leave it as it is. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
}

const nobody = { uid: 65534, gid: 65534 };

/**
 * Postgres refuses uid 0. A user namespace without a mapping makes root look like nobody while it keeps access to
 * its own files, so this works under /root too; where namespaces are forbidden the server runs as nobody.
 */
export function unprivilegedSpawn(): UnprivilegedSpawn {
  const plain = (program: string, args: readonly string[]) => [program, args] as const;
  if (process.getuid?.() !== 0) return { command: plain, options: {}, owner: undefined };
  if (spawnSync('unshare', ['-U', 'true'], { stdio: 'ignore' }).status === 0) {
    return {
      command: (program, args) => ['unshare', ['-U', program, ...args]],
      options: {},
      owner: undefined,
    };
  }
  return { command: plain, options: nobody, owner: nobody };
}
