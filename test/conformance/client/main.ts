/**
 * What the suite starts as the client under test: hands the scenario to the harness, which has the stack, and ends as the
 * harness says. Arguments: the harness, the scenario, its revision, its context (JSON or empty), and the server, which
 * the suite adds.
 */
const [harness = '', scenario, revision, context, server] = process.argv.slice(2);
const answer = await fetch(harness, {
  method: 'POST',
  body: JSON.stringify({ scenario, revision, context, server }),
});
console.log(await answer.text());
process.exitCode = answer.ok ? 0 : 1;
