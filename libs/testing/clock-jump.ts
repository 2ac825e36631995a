/**
 * Loaded before a process of the product (`--import`): its clocks are off by SYMBOLON_TEST_WALL_JUMP_MS (what
 * Date says) and SYMBOLON_TEST_MONOTONIC_JUMP_MS (what performance.now says) from the start, or with
 * SYMBOLON_TEST_JUMP_LATER only after SIGUSR2. Timers are left alone, as they are when somebody sets a clock.
 */
const wallMs = Number(process.env['SYMBOLON_TEST_WALL_JUMP_MS'] ?? 0);
const monotonicMs = Number(process.env['SYMBOLON_TEST_MONOTONIC_JUMP_MS'] ?? 0);
let jumped = process.env['SYMBOLON_TEST_JUMP_LATER'] === undefined;

const RealDate = Date;
const realPerformanceNow = performance.now.bind(performance);
const wallNow = () => RealDate.now() + (jumped ? wallMs : 0);

globalThis.Date = new Proxy(RealDate, {
  construct: (target, parameters: unknown[], newTarget) =>
    Reflect.construct(
      target,
      parameters.length === 0 ? [wallNow()] : parameters,
      newTarget,
    ) as Date,
  apply: () => new RealDate(wallNow()).toString(),
  get: (target, name) => (name === 'now' ? wallNow : (Reflect.get(target, name) as unknown)),
});
performance.now = () => realPerformanceNow() + (jumped ? monotonicMs : 0);
process.on('SIGUSR2', () => {
  jumped = true;
});

export {};
