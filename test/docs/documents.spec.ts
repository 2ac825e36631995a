import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const skipped = /^(node_modules|dist|coverage|test-results|\..*|fixture)$/;

function markdownFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (skipped.test(entry.name)) return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return markdownFiles(path);
    return entry.name.endsWith('.md') ? [path] : [];
  });
}

const documents = markdownFiles(root).map((path) => ({
  name: relative(root, path),
  folder: dirname(path),
  text: readFileSync(path, 'utf8'),
}));

const withoutCode = (text: string) => text.replaceAll(/^```[\s\S]*?^```/gm, '');

/** The anchors that a hosted page of this text has, as GitHub makes them. */
function anchorsOf(text: string): Set<string> {
  const headings = withoutCode(text).matchAll(/^#{1,6} (.+)$/gm);
  const anchor = (heading: string) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(/\s/g, '-');
  return new Set([...headings].map(([, heading]) => anchor(heading ?? '')));
}

function brokenLinks({ folder, text }: { folder: string; text: string }): string[] {
  const links = withoutCode(text).matchAll(/\]\(([^)\s]+)[^)]*\)/g);
  return [...links]
    .map(([, target]) => target ?? '')
    .filter((target) => !/^[a-z]+:/.test(target))
    .filter((target) => {
      const [path = '', anchor] = target.split('#');
      const file = path ? join(folder, path) : undefined;
      if (file && !existsSync(file)) return true;
      if (!anchor || (file && !file.endsWith('.md'))) return false;
      return !anchorsOf(file ? readFileSync(file, 'utf8') : text).has(anchor);
    });
}

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
};

/** `npm start`, `npm test`, `npm run x` as they are named in a text. */
function scriptsNamed(text: string): string[] {
  const run = [...text.matchAll(/\bnpm run (?:--silent )?([a-z][\w:-]*)/g)].map(([, name]) => name);
  const short = [...text.matchAll(/\bnpm (start|test)\b/g)].map(([, name]) => name);
  return [...run, ...short].filter((name) => name !== undefined);
}

const sources = ['apps', 'libs', 'migrations', 'trial', 'bench'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.tsx?$/.test(path))
    .map((path) => readFileSync(join(root, folder, path), 'utf8')),
);

function unknownSettings(text: string): string[] {
  const names = new Set(
    text.match(/\bSYMBOLON_[A-Z_]*[A-Z]\b/g)?.map((name) => name.replace(/_FILE$/, '')),
  );
  return [...names].filter((name) => !sources.some((source) => source.includes(name)));
}

describe.each(['vault.Dockerfile', 'gateway.Dockerfile', 'compose.yaml'])('docker/%s', (file) => {
  it('sets only variables that exist', () => {
    expect(unknownSettings(readFileSync(join(root, 'docker', file), 'utf8'))).toEqual([]);
  });
});

describe.each(documents)('$name', (document) => {
  it('has no broken relative link', () => {
    expect(brokenLinks(document)).toEqual([]);
  });

  it('names only npm scripts that exist', () => {
    const missing = scriptsNamed(document.text).filter((name) => !(name in manifest.scripts));
    expect(missing).toEqual([]);
  });

  it('names only settings that exist', () => {
    expect(unknownSettings(document.text)).toEqual([]);
  });

  it('names only files and folders of ours that exist', () => {
    const paths = [
      ...document.text.matchAll(
        /`((?:apps|libs|migrations|trial|test|bench|docker|docs)\/[\w./-]*)`/g,
      ),
    ];
    const missing = paths
      .map(([, path]) => path ?? '')
      .filter((path) => !existsSync(join(root, path)));
    expect(missing).toEqual([]);
  });

  it('names no path of the machine it was written on', () => {
    const paths = document.text.match(/(?<![\w.])\/(?:home|root|Users|work|tmp)\/[\w./-]+/g);
    expect(paths).toBeNull();
  });
});
