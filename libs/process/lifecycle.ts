import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ConfigurationError } from '#lib/config/environment';
import type { Logger } from '#lib/observability/logger';

type LifecycleEvent<App extends string> = `${App}.stopping` | `${App}.stopped` | `${App}.failed`;

/** Stops at the first SIGTERM or SIGINT, once; exits 0 when `stop` has resolved, 1 when it could not. */
export function stopOnSignal<App extends string>(
  app: App,
  logger: Logger<LifecycleEvent<NoInfer<App>>>,
  stop: () => Promise<unknown>,
): void {
  let stopping = false;
  const end = (signal: string) => {
    if (stopping) return;
    stopping = true;
    logger.info({ event: `${app}.stopping`, signal });
    stop().then(
      () => {
        logger.info({ event: `${app}.stopped` });
        process.exit(0);
      },
      (err: unknown) => {
        logger.fatal({ event: `${app}.failed`, err });
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', end).on('SIGINT', end);
}

/** Runs `main` if this module is what node was started with; what an operator can mend is told without a stack. */
export function runAsProcess(moduleUrl: string, main: () => Promise<void>): void {
  const started = process.argv[1];
  if (started === undefined || realpathSync(started) !== fileURLToPath(moduleUrl)) return;
  main().catch((error: unknown) => {
    const known =
      error instanceof ConfigurationError || (error instanceof Error && 'code' in error);
    process.stderr.write(`${known && error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  });
}
