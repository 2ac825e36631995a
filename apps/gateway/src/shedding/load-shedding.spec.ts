import { describe, expect, test } from 'vitest';
import { LoadShedding } from './load-shedding.js';

const targetMs = 100;

function loaded(calls: number, limits = { delayMs: targetMs, calls: 0 }): LoadShedding {
  // Its turns are those of the looks: no time passes within one.
  const load = new LoadShedding(limits, () => 0);
  for (let i = 0; i < calls; i += 1) load.enter();
  return load;
}

/** Looks of a probe that found these delays, each a turn of that length. */
function looks(load: LoadShedding, delays: readonly number[], startMs = 0): number {
  let nowMs = startMs;
  for (const delayMs of delays) {
    nowMs += 20 + delayMs;
    load.observe(delayMs, nowMs);
  }
  return nowMs;
}

function shedOf(load: LoadShedding, calls: number): number {
  let shed = 0;
  for (let i = 0; i < calls; i += 1) if (load.refuses() !== undefined) shed += 1;
  return shed;
}

describe('an event loop that comes round in time', () => {
  test('admits every call', () => {
    const load = loaded(5_000);
    looks(
      load,
      Array.from({ length: 500 }, () => targetMs),
    );
    expect(shedOf(load, 10_000)).toBe(0);
  });

  test('one long turn, a collection or a large document, is no load', () => {
    const load = loaded(5_000);
    for (let i = 0; i < 50; i += 1) looks(load, [3_000, 1, 1, 1, 1, 1], i * 10_000);
    expect(load.share).toBe(1);
  });
});

describe('an event loop that is always late', () => {
  test('sheds the more the later it is, evenly spread, and never all', () => {
    const load = loaded(5_000);
    looks(load, [125, 125]);
    expect(load.share).toBe(0.8);
    for (let i = 0; i < 4; i += 1) expect(Math.abs(shedOf(load, 1_000) - 200)).toBeLessThan(2);
    looks(load, [1_000]);
    expect(load.share).toBe(0.2);
    looks(load, [1_000, 1_000]);
    expect(load.share).toBe(0.05);
    expect(Math.abs(shedOf(load, 1_000) - 950)).toBeLessThan(2);
  });

  test('lets in a fifth where to let in fewer made it no less late, and tries that again later', () => {
    const load = loaded(5_000);
    const shares: number[] = [];
    for (let i = 0; i < 300; i += 1) {
      looks(load, [1_000], i * 1_020);
      shares.push(load.share);
    }
    const few = shares.filter((share) => share === 0.05).length;
    expect(shares.filter((share) => share === 0.2).length + few).toBeGreaterThan(290);
    // A window is a second here.
    expect(few).toBeGreaterThan(20);
    expect(few).toBeLessThan(50);
    looks(load, [50], 400_000);
    expect(load.share).toBeGreaterThan(0.05);
  });

  test('does not give up while it gets less late, however slowly', () => {
    const load = loaded(5_000);
    looks(
      load,
      Array.from({ length: 60 }, (_, i) => 5_000 * 0.95 ** i),
    );
    expect(load.share).toBe(0.05);
  });

  test('while the queue drains, no more is cut than was', () => {
    const load = loaded(5_000);
    looks(load, [2_000, 2_000, 1_300, 900, 600, 400, 250, 170, 110]);
    expect(load.share).toBe(0.25);
  });

  test('goes back to everything once it comes round in time', () => {
    const load = loaded(5_000);
    const nowMs = looks(load, [300, 300, 300, 300]);
    looks(
      load,
      Array.from({ length: 300 }, () => 1),
      nowMs,
    );
    expect(load.share).toBe(1);
    expect(shedOf(load, 1_000)).toBe(0);
  });

  test('a few calls are served however late it is: it is not they who make it so', () => {
    const load = loaded(63);
    looks(load, [1_000, 1_000, 1_000, 1_000]);
    expect(shedOf(load, 100)).toBe(0);
    load.enter();
    expect(shedOf(load, 100)).toBeGreaterThan(90);
  });

  test('sheds nothing where it is switched off', () => {
    const load = loaded(5_000, { delayMs: 0, calls: 0 });
    looks(
      load,
      Array.from({ length: 100 }, () => 5_000),
    );
    expect(shedOf(load, 1_000)).toBe(0);
  });
});

test('a turn in which calls begin for twice the target begins no more of them; the next one does', () => {
  let nowMs = 0;
  const load = new LoadShedding({ delayMs: targetMs, calls: 0 }, () => nowMs);
  let begun = 0;
  // Ten calls a millisecond, all ready at once.
  for (let i = 0; i < 10_000; i += 1) {
    if (load.refuses() !== undefined) continue;
    load.enter();
    begun += 1;
    nowMs += 0.1;
  }
  expect(begun).toBeGreaterThan(2_000);
  expect(begun).toBeLessThan(2_100);
  load.observe(nowMs, nowMs);
  expect(load.refuses()).toBeUndefined();
  expect(load.share).toBe(1);
});

test('more calls than may be in flight are shed, and admitted again as others end', () => {
  const load = loaded(100, { delayMs: targetMs, calls: 100 });
  expect(load.refuses()).toBe('calls');
  load.left();
  expect(load.refuses()).toBeUndefined();
});

/*
 * Two loads against a model of a process: it works through 30 calls a millisecond, a refusal costs a third of a
 * call, and the turns of its event loop are as long as what is waiting takes.
 */
const callsPerMs = 30;
const refusalCost = 1 / 3;

interface Outcome {
  /** Of the last half of the time. */
  readonly worstDelayMs: number;
  readonly admittedPerMs: number;
}

function openLoop(load: LoadShedding, arrivalsPerMs: number, totalMs = 40_000): Outcome {
  let [backlog, nowMs, admitted, worst] = [0, 0, 0, 0];
  while (nowMs < totalMs) {
    const turnMs = Math.max(1, backlog / callsPerMs);
    nowMs += turnMs;
    load.observe(Math.max(0, turnMs - 20), nowMs);
    const arrivals = Math.round(turnMs * arrivalsPerMs);
    const shed = shedOf(load, arrivals);
    backlog = Math.max(0, arrivals - shed + shed * refusalCost);
    if (nowMs < totalMs / 2) continue;
    worst = Math.max(worst, turnMs);
    admitted += arrivals - shed;
  }
  return { worstDelayMs: worst, admittedPerMs: admitted / (totalMs / 2) };
}

describe('an open loop at one and a half times the capacity', () => {
  test('without shedding the delay grows without end', () => {
    const { worstDelayMs } = openLoop(loaded(1_000, { delayMs: 0, calls: 0 }), 1.5 * callsPerMs);
    expect(worstDelayMs).toBeGreaterThan(5_000);
  });

  test('with it the delay stays near its target, and most of the capacity goes into calls', () => {
    const { worstDelayMs, admittedPerMs } = openLoop(loaded(1_000), 1.5 * callsPerMs);
    expect(worstDelayMs).toBeLessThan(3 * targetMs);
    expect(admittedPerMs).toBeGreaterThan(0.5 * callsPerMs);
  });
});

test('where refusing alone takes most of the capacity, the delay is bounded all the same', () => {
  const { worstDelayMs } = openLoop(loaded(1_000), 2.5 * callsPerMs);
  expect(worstDelayMs).toBeLessThan(5 * targetMs);
});

describe('a closed loop', () => {
  // Everybody asks again as soon as there is an answer: a turn is as long as all of them take.
  function closedLoop(clients: number) {
    const load = loaded(clients);
    let [nowMs, backlog, worst, admitted] = [0, clients, 0, 0];
    for (let turn = 0; turn < 2_000; turn += 1) {
      const turnMs = backlog / callsPerMs;
      nowMs += turnMs;
      load.observe(Math.max(0, turnMs - 20), nowMs);
      const shed = shedOf(load, clients);
      backlog = clients - shed + shed * refusalCost;
      admitted += clients - shed;
      if (turn > 1_000) worst = Math.max(worst, turnMs);
    }
    return { load, worstDelayMs: worst, ofCapacity: admitted / nowMs / callsPerMs };
  }

  test('of 1,000 that keep the process busy is not shed: nobody waits for longer than the target', () => {
    expect(closedLoop(1_000).load.share).toBe(1);
  });

  test('of 6,000 is: those who are let in wait for about the target, not for all the others', () => {
    const { load, worstDelayMs } = closedLoop(6_000);
    expect(load.share).toBeLessThan(1);
    expect(worstDelayMs).toBeLessThan(1.6 * targetMs);
  });

  test('of so many that to refuse them all takes longer than the target: a good part of them is served', () => {
    const clients = 30_000;
    const refusingAllMs = (clients * refusalCost) / callsPerMs;
    const { worstDelayMs, ofCapacity } = closedLoop(clients);
    expect(ofCapacity).toBeGreaterThan(0.35);
    expect(worstDelayMs).toBeLessThan(1.5 * refusingAllMs);
  });
});
