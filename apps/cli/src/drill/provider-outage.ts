import { setTimeout as sleep } from 'node:timers/promises';
import type { Endpoint } from '#lib/testing/recorded-request';
import * as answers from '#lib/testing/scripted-answer';
import { Tally } from '#lib/testing/tally';
import { answerFor, recovered } from './asking.js';
import type { DrillExperiment } from './drill-experiment.js';
import type { DrillStack } from './drill-stack.js';

const endpoints: readonly Endpoint[] = ['token', 'discovery', 'jwks', 'userinfo'];
const ways = [answers.status(503), answers.html, answers.dropBeforeWork, answers.hang];
const ttl = 10;
// Around the end of a token both answers are right.
const edgeMs = 2_500;

export const providerOutage: DrillExperiment = {
  promise: 'R4',
  title: 'Reads work with the provider down',
  run: async (stack, { outage }) => {
    const tally = new Tally();
    const people = await stack.connected(3, 2);
    stack.provider.accessTokenTtl = ttl;
    await sleep(2_000);
    await Promise.all(people.map((person) => person.exchange(stack.tool)));
    const endsAtMs = performance.now() + ttl * 1_000;
    const seen = { token: 0, unavailable: 0, interaction: 0 };
    const overMs = performance.now() + Math.max(outage, ttl + 5) * 1_000;
    for (let round = 0; performance.now() < overMs; round += 1) {
      say(stack, ways[Math.floor(round / 4) % ways.length]);
      tally.faults += 1;
      for (const [i, person] of people.entries()) {
        const said = await answerFor(stack, person, round + i);
        tally.operations += 1;
        seen[said] += 1;
        const now = performance.now();
        const expected = now < endsAtMs ? 'token' : 'unavailable';
        const isClear = Math.abs(now - endsAtMs) > edgeMs;
        tally.hold(!isClear || said === expected, `${said} where ${expected} is right`);
      }
      await sleep(250);
    }
    say(stack, undefined);
    tally.note('served from what was stored', seen.token);
    tally.note('told to come back', seen.unavailable);
    tally.note('elicitations', seen.interaction);
    tally.hold(seen.interaction === 0, `${seen.interaction} times somebody was asked to consent`);
    tally.hold(seen.token > 0 && seen.unavailable > 0, 'the outage was not seen from both sides');
    await recovered(tally, stack, people);
    return tally.outcome();
  },
};

function say(stack: DrillStack, way: answers.ScriptedAnswer | undefined): void {
  for (const endpoint of endpoints) stack.provider.always(endpoint, way);
}
