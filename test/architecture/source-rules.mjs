import { posix } from 'node:path';
import ts from 'typescript';
import { isSpec } from './tree.mjs';

const environmentReaders =
  /^libs\/config\/|^apps\/[^/]+\/src\/config(\.spec)?\.ts$|(^|\/)main\.ts$|^(trial|test|bench)\/|^libs\/testing\//;
const nestFile =
  /\.(module|controller|guard|filter|pipe|interceptor|strategy)(\.spec)?\.tsx?$|(^|\/)main\.ts$|\.entity\.ts$|^libs\/nest\//;
const drawer = /(^|\/)(common|shared|utils?|helpers?|misc)\//;
const kebab = /^[a-z0-9]+(-[a-z0-9]+)*$/;
const testRoots = new Set(['it', 'test', 'describe', 'suite']);
const unfinishedTests = new Set(['skip', 'only', 'todo']);
const maxLines = (path) => (isSpec(path) ? 500 : 300);

const propertyOf = (node, object, property) =>
  (ts.isPropertyAccessExpression(node) &&
    node.expression.getText() === object &&
    node.name.text === property) ||
  (ts.isElementAccessExpression(node) &&
    node.expression.getText() === object &&
    node.argumentExpression.getText().slice(1, -1) === property);

/** A rule that asks each node of the syntax tree; `test(node, file)` is true, or a text, where it is broken. */
function nodeRule(rule, test) {
  return {
    ...rule,
    check: (file) => {
      const found = [];
      file.visit((node) => {
        const what = test(node, file);
        if (!what) return;
        const excerpt = node.getText().split('\n')[0].slice(0, 80);
        found.push({ line: file.line(node), found: what === true ? excerpt : what });
      });
      return found;
    },
  };
}

/** A rule about a file as a whole; `test(file)` is a text where it is broken. */
function fileRule(rule, test) {
  return {
    ...rule,
    check: (file) => {
      const found = test(file);
      return found ? [{ found }] : [];
    },
  };
}

/** A rule about lines of text, comments included. */
function lineRule(rule, test) {
  return {
    ...rule,
    check: (file) =>
      file.text
        .split('\n')
        .flatMap((text, i) => (test(text, file) ? [{ line: i + 1, found: text.trim() }] : [])),
  };
}

function isReadOfEnvironment(node) {
  if (propertyOf(node, 'process', 'env')) return true;
  return (
    ts.isImportSpecifier(node) &&
    (node.propertyName ?? node.name).text === 'env' &&
    /^['"](node:)?process['"]$/.test(node.parent.parent.parent.moduleSpecifier.getText())
  );
}

function isImpureCall(node) {
  if (ts.isNewExpression(node)) {
    return node.expression.getText() === 'Date' && (node.arguments ?? []).length === 0;
  }
  if (!ts.isCallExpression(node)) return false;
  const called = node.expression.getText();
  return /^(Date|performance)\.now$|^Math\.random$|^Date$|(^|\.)(randomUUID|randomBytes|getRandomValues)$|^set(Timeout|Interval|Immediate)$/.test(
    called,
  );
}

function isBarrel(file) {
  if (/^index\.[cm]?tsx?$/.test(file.name)) return 'a file named index';
  const statements = [...file.parse().statements];
  const star = statements.find((s) => ts.isExportDeclaration(s) && !s.exportClause);
  if (star) return star.getText();
  const passesOn = (s) => ts.isExportDeclaration(s) && s.moduleSpecifier;
  return statements.length > 0 && statements.every(passesOn) ? 'nothing but re-exports' : undefined;
}

function isUnfinishedTest(node) {
  if (ts.isIdentifier(node) && /^x(it|test|describe)$/.test(node.text)) {
    return ts.isCallExpression(node.parent);
  }
  if (!ts.isPropertyAccessExpression(node) || !unfinishedTests.has(node.name.text)) return false;
  return testRoots.has(node.expression.getText().split('.')[0]);
}

function unitOf(path) {
  return (/^(apps|libs)\/[^/]+/.exec(path) ?? /^[^/]+/.exec(path))?.[0];
}

function isRelativeImportOfLib(node, file) {
  if (!ts.isImportDeclaration(node) && !ts.isExportDeclaration(node)) return false;
  const specifier = node.moduleSpecifier?.text;
  if (!specifier?.startsWith('.')) return false;
  const target = posix.join(posix.dirname(file.path), specifier);
  return target.startsWith('libs/') && unitOf(target) !== unitOf(file.path);
}

function isEmptyName(node) {
  const declares =
    ts.isClassDeclaration(node) ||
    ts.isInterfaceDeclaration(node) ||
    ts.isTypeAliasDeclaration(node);
  const name = node.name?.text;
  if (!name) return false;
  if (declares) return /(Manager|Helpers?|Utils?|Impl)$|^I[A-Z][a-z]/.test(name);
  const isFunction = ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node);
  const isOurs = !node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.OverrideKeyword);
  return isFunction && isOurs && /^(handle|process)[A-Z]/.test(name);
}

function wrongFileName(file) {
  const parts = file.path.split('/');
  const stem = parts.pop().replace(/^\./, '').split('.');
  const bad = [...parts, ...stem].find((part) => part !== '.ci' && !kebab.test(part));
  return bad && `“${bad}” in ${file.path}`;
}

/** Every rule that is not about imports: `check(file)` gives the places where a file breaks it. */
export function sourceRules(longFiles) {
  return [
    nodeRule(
      {
        name: 'no-process-env',
        why: 'Configuration is parsed once and refused as a whole. Add the variable to the schema in the app’s config.ts and take the value as an argument.',
      },
      (node, file) => !environmentReaders.test(file.path) && isReadOfEnvironment(node),
    ),
    nodeRule(
      {
        name: 'domain-takes-now',
        why: 'A decision that reads the clock or chance cannot be written as a table. Take `now` (or the random value) as an argument.',
      },
      (node, file) => /\/domain\//.test(file.path) && !file.isSpec && isImpureCall(node),
    ),
    fileRule(
      {
        name: 'no-barrels',
        why: 'A barrel hides who uses what and loads everything for one thing. Import the file that defines it.',
      },
      isBarrel,
    ),
    nodeRule(
      {
        name: 'libs-by-name',
        why: 'One spelling per import, whatever the depth. Write #lib/<folder>/<file>.',
      },
      isRelativeImportOfLib,
    ),
    nodeRule(
      {
        name: 'no-forward-ref',
        why: 'forwardRef hides a circle between modules. Break it by a port.',
      },
      (node) => ts.isIdentifier(node) && node.text === 'forwardRef',
    ),
    nodeRule(
      {
        name: 'no-request-scope',
        why: 'Request scope builds the graph anew for each request and spreads to whatever injects it. Pass the request’s values as arguments.',
      },
      (node) => propertyOf(node, 'Scope', 'REQUEST'),
    ),
    nodeRule(
      {
        name: 'decorators-at-the-edge',
        why: 'Logic classes are plain, so that a test just constructs them. Provide the class with useFactory in the module.',
      },
      (node, file) => ts.isDecorator(node) && !nestFile.test(file.path),
    ),
    nodeRule(
      {
        name: 'no-raw-html',
        why: 'Names and descriptions come from strangers; JSX escapes them. Render elements.',
      },
      (node) => ts.isJsxAttribute(node) && node.name.getText() === 'dangerouslySetInnerHTML',
    ),
    nodeRule(
      {
        name: 'no-module-mocks',
        why: 'A mocked module tests the mock. Use a fake of the port, or the real thing.',
      },
      (node) => propertyOf(node, 'vi', 'mock') || propertyOf(node, 'vi', 'doMock'),
    ),
    nodeRule(
      {
        name: 'no-unfinished-tests',
        why: 'A test that does not run proves nothing, and `only` silences the others. Make it run or remove it.',
      },
      isUnfinishedTest,
    ),
    nodeRule(
      {
        name: 'no-empty-names',
        why: 'Manager, Helper, Util, Impl, IThing, handleX and processY say nothing. Name it after what it does in the words of the RFC.',
      },
      isEmptyName,
    ),
    fileRule(
      {
        name: 'no-drawers',
        why: 'common/, shared/, utils/ and helpers/ collect what nobody placed. Name the folder after what is in it.',
      },
      (file) => (drawer.test(file.path) ? posix.dirname(file.path) : undefined),
    ),
    fileRule(
      {
        name: 'kebab-case-files',
        why: 'One way to write names, the same on every file system. Rename it in kebab-case.',
      },
      wrongFileName,
    ),
    fileRule(
      {
        name: 'short-files',
        why: `A file of more than 300 lines (a spec: 500) does several things. Split it by what it does, or say in test/architecture/long-files.mjs why not.`,
      },
      (file) => {
        const lines = file.text.trimEnd().split('\n').length;
        return lines > maxLines(file.path) && !longFiles.has(file.path)
          ? `${lines} lines`
          : undefined;
      },
    ),
    lineRule(
      {
        name: 'no-notes-to-self',
        why: 'What is not done belongs in an issue, where somebody sees it. Do it now or remove the note.',
      },
      (text) => /(^|\s)(\/\/|\/?\*+)\s*(TODO|FIXME|HACK|XXX)\b/.test(text),
    ),
    lineRule(
      {
        name: 'exceptions-say-why',
        why: 'A check that is switched off without a reason is switched off for ever. Add ` -- reason`.',
      },
      (text) => /\/[/*]\s*(eslint|oxlint)-disable/.test(text) && !/ -- \S/.test(text),
    ),
  ];
}

export { maxLines };
