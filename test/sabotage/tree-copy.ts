import { execFileSync } from 'node:child_process';
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A copy of the working tree's own files, with the packages of the original. Returns its folder. */
export async function copyTree(root: string): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), 'symbolon-sabotage-'));
  const listing = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const files = execFileSync('git', listing, { cwd: root, encoding: 'utf8' }).split('\0');
  for (const file of files) {
    // Deleted, but not committed yet.
    if (file === '' || !existsSync(join(root, file))) continue;
    await cp(join(root, file), join(copy, file));
  }
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

export async function removeTree(copy: string): Promise<void> {
  await rm(copy, { recursive: true, force: true });
}
