import { readdirSync, readFileSync } from 'node:fs';
import { basename, extname, join, relative } from 'node:path';
import ts from 'typescript';

const code = new Set(['.ts', '.tsx', '.mts', '.mjs']);

/** Specs, and the fixtures and fakes that several specs share. */
export function isSpec(path) {
  return /(\.spec|-fixture)\.tsx?$|(^|\/)fake-[^/]+\.tsx?$/.test(path);
}

/**
 * One source file: `path` from the root with forward slashes, `text`, `isSpec`, and `visit(fn)` which
 * calls `fn(node)` for each node of its syntax tree; `line(node)` counts from 1.
 */
function sourceFile(root, absolute) {
  const path = relative(root, absolute).replaceAll('\\', '/');
  const text = readFileSync(absolute, 'utf8');
  let tree;
  const parse = () => (tree ??= ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true));
  const visit = (fn) => {
    const walk = (node) => {
      fn(node);
      ts.forEachChild(node, walk);
    };
    walk(parse());
  };
  const line = (node) => parse().getLineAndCharacterOfPosition(node.getStart(parse())).line + 1;
  return {
    path,
    name: basename(path),
    text,
    isSpec: isSpec(path),
    visit,
    line,
    parse,
  };
}

/** The code files below the folders of `root`, fixtures left out. */
export function readTree(root, folders) {
  const files = [];
  const walk = (folder) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        const isFixture =
          entry.name === 'fixture' && /test.architecture./.test(relative(root, path));
        if (entry.name !== 'node_modules' && !isFixture) walk(path);
      } else if (code.has(extname(entry.name))) files.push(sourceFile(root, path));
    }
  };
  for (const folder of folders) walk(join(root, folder));
  return files;
}
