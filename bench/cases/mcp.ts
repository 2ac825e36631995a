import type { Bar, BenchCase, Effort } from '../harness/bench-case.js';
import { differences, Lane, p50Of, rateOf, ratios } from '../harness/lane.js';
import { McpField, type McpSubject, type McpSubjectName } from '../harness/mcp-field.js';
import { type Era, revisions } from '../harness/mcp-requests.js';
import { compared, type Heat, Race } from '../harness/race.js';

interface Shape {
  readonly era: Era;
  readonly connections: number;
  /** Requests a second; else as many as are answered. */
  readonly paced?: number;
}

const centre: Shape = { era: 'modern', connections: 64 };
const earlier: Shape = { era: 'legacy', connections: 64 };
const sixteen: Shape = { era: 'modern', connections: 16 };
const unhurried: Shape = { ...sixteen, paced: 800 };

export const mcp: BenchCase = {
  name: 'mcp',
  title:
    'tools/call of 1 KB each way over /mcp/{upstream}, 200 users, without and with rules for tools, against the server itself and a bare proxy',
  async run(effort, progress) {
    const startedMs = performance.now();
    progress('starts a server, a proxy and a gateway; opens 200 sessions with each');
    const field = await McpField.start();
    try {
      const central = heat(field, centre, effort);
      const legacy = heat(field, earlier, effort);
      const hurried = heat(field, sixteen, effort);
      const paced = heat(field, unhurried, effort);
      const race = new Race([central, legacy, hurried, paced]);
      await race.run(effort, startedMs, progress);
      const bars = [
        ...ruledBars(central, centre),
        ...ruledBars(legacy, earlier),
        ...addedBars(hurried, 'full load'),
        ...addedBars(paced, `${unhurried.paced} requests/s`),
      ];
      return { measurements: race.measurements, bars, skipped: [] };
    } finally {
      await field.stop();
    }
  },
};

function heat(field: McpField, shape: Shape, { seconds }: Effort): Heat<McpSubjectName> {
  const laps = shape === centre ? 4 : 2;
  const lanes = new Map<McpSubjectName, Lane>();
  for (const [name, subject] of field.subjects)
    lanes.set(name, laneOf(subject, shape, seconds / 4));
  return { lanes, laps };
}

function laneOf({ name, pid, calls }: McpSubject, shape: Shape, seconds: number): Lane {
  const { era, connections, paced } = shape;
  const pace = paced === undefined ? {} : { perSecond: paced };
  return new Lane({
    subject: name,
    pid,
    labels: {
      revision: revisions[era],
      connections,
      pace: paced === undefined ? 'full' : `${paced}/s`,
    },
    asked: calls[era],
    load: { connections, seconds, ...pace },
  });
}

/** Throughput with rules, and what the rules alone cost. */
function ruledBars(seen: Heat<McpSubjectName>, { era, connections }: Shape): Bar[] {
  const where = `/mcp tools/call, ${revisions[era]}, ${connections} connections`;
  const byRate = (one: Lane, other: Lane) => ratios(one, other, rateOf);
  const ofBare = compared(seen, ['ruled', 'bare'], byRate);
  const ofOpen = compared(seen, ['ruled', 'open'], byRate);
  return [
    ...(ofBare === undefined
      ? []
      : [
          {
            promise: `${where}, 51 rules: throughput, of bare node:http + undici`,
            measured: ofBare,
            limit: { atLeast: 0.75 },
          },
        ]),
    ...(ofOpen === undefined
      ? []
      : [
          {
            promise: `${where}: added by 51 rules to the time of a call, %`,
            measured: 100 * (1 / ofOpen - 1),
            limit: { atMost: 5 },
          },
        ]),
  ];
}

function addedBars(seen: Heat<McpSubjectName>, pace: string): Bar[] {
  const measured = compared(seen, ['open', 'direct'], (mine, direct) =>
    differences(mine, direct, p50Of),
  );
  const promise = `/mcp tools/call, 16 connections, ${pace}: p50 added to the server's own, ms`;
  return measured === undefined ? [] : [{ promise, measured, limit: { atMost: 0.5 } }];
}
