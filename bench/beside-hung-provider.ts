import { setTimeout as sleep } from 'node:timers/promises';
import { hang } from '#lib/testing/scripted-answer';
import { ScriptableAuthorizationServer } from '#lib/testing/scriptable-authorization-server';
import type { Person } from '#lib/testing/stack-person';
import { registerProvider } from './change-registry.js';
import { beginDue } from './fall-due.js';
import type { Scale } from './scale.js';
import { sealedGrants } from './sealed-grants.js';
import { inWords, summary, type Times } from './summary.js';

const hungGrants = 60;
const readsEach = 500;

/** A second provider never answers: what the people of the first notice, and its own refreshes. */
export async function besideHungProvider(scale: Scale, due: number): Promise<void> {
  const { stack, provider, people } = scale;
  const hung = await ScriptableAuthorizationServer.start({ accessTokenTtl: 3_600 });
  try {
    await registerProvider(stack, 'hung', hung);
    await sealedGrants(stack, hung, 'hung', hungGrants);
    hung.always('token', hang);
    const idle = inWords(await read(people));
    const alone = await refreshing(scale, due);
    await beginDue(stack, 'hung', hungGrants);
    await sleep(3_000);
    const waiting = hung.families.inFlight;
    const besideIdle = inWords(await read(people));
    const beside = await refreshing(scale, due);
    console.log(`
A second provider hangs, ${hungGrants} of its grants are due, ${waiting} requests to it wait
  reads (exchanges of a stored token)  ${idle}
    beside it                          ${besideIdle}
  reads during ${String(due).padStart(5)} refreshes          ${alone.reads}, ${alone.rate} refreshes/s
    beside it                          ${beside.reads}, ${beside.rate} refreshes/s`);
    provider.watch(50);
  } finally {
    await hung.stop();
  }
}

async function refreshing({ stack, provider, people }: Scale, due: number) {
  provider.watch(50);
  await beginDue(stack, 'provider', due);
  const started = performance.now();
  const reads = inWords(await read(people));
  const rate = provider.refreshes / ((performance.now() - started) / 1000);
  while (provider.refreshes < due) await sleep(50);
  return { reads, rate: rate.toFixed(0) };
}

async function read(people: readonly Person[]): Promise<Times> {
  const times: number[] = [];
  const readAll = async (person: Person): Promise<void> => {
    for (let n = 0; n < readsEach; n += 1) {
      const started = performance.now();
      const { kind } = await person.exchange();
      times.push(performance.now() - started);
      if (kind !== 'token') throw new Error(`a read of a stored token: ${kind}`);
    }
  };
  await Promise.all(people.map(readAll));
  return summary(times);
}
