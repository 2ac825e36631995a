import type { Asked } from '../harness/asked.js';
import type { Bar, BenchCase, Effort } from '../harness/bench-case.js';
import { HttpField, type Subject, type SubjectName } from '../harness/http-field.js';
import { differences, Lane, p50Of, rateOf, ratios } from '../harness/lane.js';
import { compared, type Heat, Race } from '../harness/race.js';

interface Shape {
  readonly method: 'GET' | 'POST';
  /** Of the answer, and of the body that is sent. */
  readonly bytes: number;
  readonly connections: number;
  /** Requests a second; else as many as are answered. */
  readonly paced?: number;
}

const some: readonly SubjectName[] = ['direct', 'bare', 'haproxyRs256', 'ours'];
const centre: Shape = { method: 'POST', bytes: 1024, connections: 64 };
const sixteen: Shape = { ...centre, connections: 16 };
const unhurried: Shape = { ...sixteen, paced: 800 };
/** What differs from the centre in one thing. */
const around: readonly Shape[] = [
  { ...centre, connections: 1 },
  { ...centre, connections: 256 },
  { ...centre, method: 'GET' },
  { ...centre, bytes: 32_768 },
  { ...centre, method: 'GET', bytes: 32_768 },
];

export const http: BenchCase = {
  name: 'http',
  title:
    'JSON over /http/{upstream}, 200 users with ES256 tokens, against the upstream itself and proxies of one thread each',
  async run(effort, progress) {
    const startedMs = performance.now();
    progress('starts the upstream, the proxies and a gateway');
    const field = await HttpField.start();
    try {
      const central = heat(field, centre, effort);
      const hurried = heat(field, sixteen, effort);
      const paced = heat(field, unhurried, effort);
      const others = around.map((shape) => heat(field, shape, effort));
      const race = new Race([central, hurried, paced, ...others]);
      await race.run(effort, startedMs, progress);
      const bars = [...throughputBars(central), ...addedBars(hurried, paced)];
      return { measurements: race.measurements, bars, skipped: field.skipped };
    } finally {
      await field.stop();
    }
  },
};

function heat(field: HttpField, shape: Shape, { seconds }: Effort): Heat<SubjectName> {
  const central = shape === centre;
  const laps = central ? 4 : around.includes(shape) ? 0 : 2;
  const lanes = new Map<SubjectName, Lane>();
  for (const [name, subject] of field.subjects)
    if (central || some.includes(name))
      lanes.set(name, laneOf(subject, shape, laps === 0 ? seconds / 2 : seconds / 4));
  return { lanes, laps };
}

function throughputBars(central: Heat<SubjectName>): Bar[] {
  const bars = [
    { of: 'bare', name: 'bare node:http + undici', atLeast: 0.85 },
    { of: 'haproxyRs256', name: 'HAProxy jwt_verify RS256', atLeast: 1.3 },
    { of: 'haproxyEs256', name: 'HAProxy jwt_verify ES256', atLeast: 2.5 },
  ] as const;
  return bars.flatMap(({ of, name, atLeast }) => {
    const measured = compared(central, ['ours', of], (mine, other) => ratios(mine, other, rateOf));
    const promise = `/http POST 1 KB, 64 connections, 200 users, ES256: throughput, of ${name}`;
    return measured === undefined ? [] : [{ promise, measured, limit: { atLeast } }];
  });
}

function addedBars(hurried: Heat<SubjectName>, paced: Heat<SubjectName>): Bar[] {
  const heats = [
    { seen: hurried, pace: 'full load' },
    { seen: paced, pace: `${unhurried.paced} requests/s` },
  ];
  return heats.flatMap(({ seen, pace }) => {
    const measured = compared(seen, ['ours', 'direct'], (mine, direct) =>
      differences(mine, direct, p50Of),
    );
    const promise = `/http POST 1 KB, 16 connections, ${pace}: p50 added to the upstream's own, ms`;
    return measured === undefined ? [] : [{ promise, measured, limit: { atMost: 0.5 } }];
  });
}

function laneOf(subject: Subject, shape: Shape, seconds: number): Lane {
  const { method, bytes, connections, paced } = shape;
  const pace = paced === undefined ? {} : { perSecond: paced };
  return new Lane({
    subject: subject.name,
    pid: subject.pid,
    labels: { method, bytes, connections, pace: paced === undefined ? 'full' : `${paced}/s` },
    asked: askedOf(subject, shape),
    load: { connections, seconds, ...pace },
  });
}

function askedOf({ url, tokens }: Subject, { method, bytes }: Shape): Asked[] {
  const body = JSON.stringify({ note: 'y'.repeat(bytes - '{"note":""}'.length) });
  return tokens.map((token) => ({
    method,
    url: `${url}/items/${bytes}`,
    headers: {
      authorization: `Bearer ${token}`,
      accept: 'application/json',
      'user-agent': 'bench',
      ...(method === 'POST' ? { 'content-type': 'application/json' } : {}),
    },
    ...(method === 'POST' ? { body } : {}),
  }));
}
