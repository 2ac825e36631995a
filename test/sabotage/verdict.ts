import type { NamedTest, TestResult, TestRun } from './run-tests.js';

export interface Verdict {
  readonly passed: boolean;
  readonly says: string;
}

/** Whether the unharmed tree passes the test; a red test there proves nothing. */
export function judgeBaseline(named: NamedTest, run: TestRun): Verdict {
  if (run.broken.length > 0) return failed(`the unharmed tree does not run: ${run.broken[0]}`);
  const results = resultsOf(named, run);
  if (results.length === 0) return failed('there is no such test');
  const red = results.find(({ passed }) => !passed);
  return red
    ? failed(`red without the patch: ${red.messages[0]}`)
    : { passed: true, says: 'green' };
}

/** Passed if the test turned red by an assertion of its own: code that does not load proves nothing. */
export function judgeSabotage(named: NamedTest, run: TestRun): Verdict {
  if (run.broken.length > 0) return failed(`the patched tree does not run: ${run.broken[0]}`);
  const results = resultsOf(named, run);
  if (results.length === 0) return failed('the test did not run');
  const messages = results.filter(({ passed }) => !passed).flatMap((result) => result.messages);
  const [first] = messages;
  if (first === undefined) return failed('NOT NOTICED: the test stays green');
  const assertion = messages.find((message) => /^(Assertion)?Error\b.*expected/is.test(message));
  if (assertion === undefined) return failed(`red, but by no assertion: ${first}`);
  return { passed: true, says: `red: ${brief(assertion)}` };
}

function resultsOf({ spec, test }: NamedTest, { results }: TestRun): TestResult[] {
  return results.filter((result) => result.spec === spec && result.fullName.includes(test));
}

function failed(says: string): Verdict {
  return { passed: false, says: brief(says) };
}

/** The first line, without the name of the error, short enough for a table. */
function brief(text: string): string {
  const line =
    text.split('\n', 1)[0]?.replace(/^(Assertion)?Error: | \/\/ Object\.is equality$/g, '') ?? '';
  return line.length > 120 ? `${line.slice(0, 120)}…` : line;
}
