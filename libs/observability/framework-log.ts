import type { Logger } from './logger.js';

/**
 * What the web framework says of itself, as entries of ours: `framework.said` for its start-up lines
 * (debug) and `framework.complained` for warnings and errors. Has the shape of Nest's LoggerService.
 */
export function frameworkLog(logger: Logger) {
  const said = (message: unknown, ...context: unknown[]) =>
    logger.debug({ event: 'framework.said', message, context });
  return {
    log: said,
    debug: said,
    verbose: said,
    warn: (message: unknown, ...context: unknown[]) =>
      logger.warn({ event: 'framework.complained', message, context }),
    error: (message: unknown, ...context: unknown[]) =>
      logger.error({ event: 'framework.complained', message, context }),
    fatal: (message: unknown, ...context: unknown[]) =>
      logger.fatal({ event: 'framework.complained', message, context }),
  };
}
