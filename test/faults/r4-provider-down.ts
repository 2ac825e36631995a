import { setTimeout as sleep } from 'node:timers/promises';
import * as answers from '#lib/testing/scripted-answer';
import type { Endpoint } from '#lib/testing/recorded-request';
import type { Experiment } from './experiment.js';
import type { FaultStack } from './stack/fault-stack.js';
import type { Person } from '#lib/testing/stack-person';
import { until } from '#lib/testing/until';
import { Tally } from '#lib/testing/tally';

const endpoints: readonly Endpoint[] = ['token', 'discovery', 'jwks', 'userinfo'];
const ways = [answers.status(503), answers.hang, answers.dropBeforeWork, answers.html];
// Around the end of a token both answers are right.
const edgeMs = 1_500;

/** The provider is away for several lifetimes of a token. */
export const providerDown: Experiment = {
  promise: 'R4',
  title: 'Reads work with the provider down',
  when: 'beside',
  run: async (laboratory, scale) => {
    const tally = new Tally();
    const [replicas, ttl, outageSeconds, count] =
      scale === 'full' ? [2, 60, 600, 10] : [1, 4, 7, 3];
    const stack = await laboratory.stack({
      vaults: replicas,
      gateways: replicas,
      accessTokenTtl: ttl,
    });
    try {
      const people = await stack.connected(count);
      await stack.expire(false);
      await Promise.all(people.map((person) => person.exchange()));
      const endsAtMs = performance.now() + ttl * 1_000;
      const asked = await asksSoFar(stack);
      await outage(tally, stack, { people, endsAtMs, seconds: outageSeconds });
      tally.note('outage, s', outageSeconds);
      const elicitations = (await asksSoFar(stack)) - asked;
      tally.note('elicitations', elicitations);
      tally.hold(elicitations === 0, `${elicitations} people were asked to consent`);
      await recovery(tally, people);
      return tally.outcome();
    } finally {
      await stack.stop();
    }
  },
};

function asksSoFar(stack: FaultStack): Promise<number> {
  return stack.count(`audit_event WHERE action = 'interaction.opened'`);
}

interface Outage {
  readonly people: readonly Person[];
  /** When the tokens end, by performance.now(). */
  readonly endsAtMs: number;
  readonly seconds: number;
}

async function outage(tally: Tally, stack: FaultStack, about: Outage): Promise<void> {
  const { people, endsAtMs, seconds } = about;
  const seen = { served: 0, unavailable: 0, wrong: new Map<string, number>() };
  const overMs = performance.now() + seconds * 1_000;
  for (let round = 0; performance.now() < overMs; round += 1) {
    const way = ways[Math.floor(round / 4) % ways.length];
    for (const endpoint of endpoints) stack.provider.always(endpoint, way);
    tally.faults += 1;
    for (const [i, person] of people.entries()) {
      const answer = await person.call('tool-0', (round + i) % stack.gateways.length);
      await answer.body?.cancel();
      const now = performance.now();
      const said = `${answer.status}${answer.headers.has('retry-after') ? ' with Retry-After' : ''}`;
      tally.operations += 1;
      if (said === '200') seen.served += 1;
      if (said === '503 with Retry-After') seen.unavailable += 1;
      if (Math.abs(now - endsAtMs) < edgeMs) continue;
      if (said === (now < endsAtMs ? '200' : '503 with Retry-After')) continue;
      const what = `${said} ${now < endsAtMs ? 'before' : 'after'} the end of the token`;
      seen.wrong.set(what, (seen.wrong.get(what) ?? 0) + 1);
    }
    await sleep(200);
  }
  for (const endpoint of endpoints) stack.provider.always(endpoint, undefined);
  for (const [what, times] of seen.wrong) tally.hold(false, `${times} times ${what}`);
  tally.note('served from what was stored', seen.served);
  tally.note('503 with Retry-After', seen.unavailable);
  tally.hold(seen.served > 0 && seen.unavailable > 0, 'the outage was not seen from both sides');
}

async function recovery(tally: Tally, people: readonly Person[]): Promise<void> {
  const startedMs = performance.now();
  for (const person of people) {
    const isServed = async () => (await person.call()).status === 200;
    if (!(await until(isServed, { seconds: 400, everyMs: 200 }))) tally.lose(person.name);
  }
  tally.note('all served again after, s', (performance.now() - startedMs) / 1_000);
}
