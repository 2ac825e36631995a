import { afterEach, expect, test } from 'vitest';
import { type DecisionReport, decisionReport } from '#lib/contract/gateway-reports';
import type { ReportOutcome } from '#lib/contract/vault-answers';
import { createLogger } from '#lib/observability/logger';
import type { GatewayEvent } from '../log-events.js';
import { type DeniedCall, ReportDecisions } from './report-decisions.js';

const reports: DecisionReport[] = [];
let answer: ReportOutcome = { kind: 'taken', body: {} };
const vault = {
  report: (_path: string, report: object) => {
    reports.push(decisionReport.parse(report));
    return Promise.resolve(answer);
  },
};
const logger = createLogger<GatewayEvent>({
  app: 'gateway',
  level: 'info',
  destination: { write: () => undefined },
});
const reporting = (mostKinds = 2_000) =>
  new ReportDecisions({ vault, logger, everyMs: 60_000, mostKinds });

const call = (subject: string, requestId = 'r1', more: Partial<DeniedCall> = {}): DeniedCall => ({
  caller: { issuer: 'corporate', subject, application: 'inspector' },
  upstream: 'snowdemo',
  method: 'tools/call',
  tool: 'delete',
  rule: 'del*',
  because: 'claims',
  requestId,
  ...more,
});

afterEach(() => {
  reports.length = 0;
  answer = { kind: 'taken', body: {} };
});

test('like refusals are one entry with their number and the request id of the first', async () => {
  const decisions = reporting();
  for (let n = 1; n <= 3; n += 1) decisions.denied(call('ann', `r${n}`));
  decisions.denied(call('bob', 'r4'));
  decisions.denied(call('ann', 'r5', { because: 'held' }));
  await decisions.flush();
  await decisions.flush();
  expect(reports).toHaveLength(1);
  expect(reports[0]).toMatchObject({
    lost: 0,
    decisions: [
      { subject: 'ann', count: 3, requestId: 'r1', tool: 'delete', rule: 'del*' },
      { subject: 'bob', count: 1 },
      { subject: 'ann', because: 'held', count: 1 },
    ],
  });
});

test('a flood of different ones is bounded: what there is no room for is counted', async () => {
  const decisions = reporting(600);
  for (let n = 0; n < 1_000; n += 1) decisions.denied(call(`s${n}`));
  await decisions.flush();
  expect(reports.map(({ lost, decisions: some }) => [some.length, lost])).toEqual([
    [200, 400],
    [200, 0],
    [200, 0],
  ]);
});

test('while the vault is away nothing is lost, and counts go on', async () => {
  const decisions = reporting();
  answer = { kind: 'unavailable', retryAfterSeconds: 1, detail: 'away' };
  decisions.denied(call('ann', 'r1'));
  await decisions.flush();
  decisions.denied(call('ann', 'r2'));
  answer = { kind: 'taken', body: {} };
  await decisions.stop();
  expect(reports.at(-1)?.decisions).toMatchObject([{ subject: 'ann', count: 2, requestId: 'r1' }]);
});

test('a report that the vault does not want is not repeated for ever', async () => {
  const decisions = reporting();
  answer = { kind: 'not-taken', detail: '403' };
  decisions.denied(call('ann'));
  await decisions.flush();
  await decisions.flush();
  expect(reports).toHaveLength(1);
});

test('log injection: what a caller made up is cut to what the vault takes', async () => {
  const decisions = reporting();
  const tool = `x\u0000\n${'\uD83D\uDE00'.repeat(300)}\uD83D`;
  decisions.denied({ upstream: 'snowdemo', tool, method: '', because: 'denied', requestId: 'r1' });
  await decisions.flush();
  expect(reports[0]?.decisions[0]?.tool).toMatch(/^x\uFFFD\uFFFD/u);
  expect(reports[0]?.decisions[0]).not.toHaveProperty('method');
});
