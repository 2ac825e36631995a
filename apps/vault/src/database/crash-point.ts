/** Places where the kill -9 experiments end the process. */
export type CrashPointName =
  | 'before-consent-post'
  | 'after-token-answer'
  | 'after-commit'
  | 'refresh-after-intent'
  | 'refresh-after-token-answer'
  | 'refresh-after-commit'
  | 'recovery-after-test'
  | 'rotation-after-batch'
  | 'webhook-after-send';

export type CrashPoint = (name: CrashPointName) => void;

/** What production uses. */
export const noCrash: CrashPoint = () => undefined;

/** Kills this process at the named point, as kill -9 would: nothing is flushed, nothing cleaned up. */
export function crashAt(chosen: string): CrashPoint {
  return (name) => {
    if (name === chosen) process.kill(process.pid, 'SIGKILL');
  };
}
