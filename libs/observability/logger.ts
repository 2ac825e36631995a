import { pino, stdTimeFunctions, type DestinationStream, type Level } from 'pino';
import { loggable } from './loggable.js';

export type LogLevel = Level | 'silent';

/** What happened, and the identifiers that tell which. Never a token, a code, a cookie or a body. */
export interface LogEntry<Event extends string = string> {
  readonly event: Event;
  readonly [field: string]: unknown;
}

/** `Event` is the union of the events an app may log, listed in one file of that app. */
export interface Logger<Event extends string = string> {
  trace(entry: LogEntry<Event>): void;
  debug(entry: LogEntry<Event>): void;
  info(entry: LogEntry<Event>): void;
  warn(entry: LogEntry<Event>): void;
  error(entry: LogEntry<Event>): void;
  fatal(entry: LogEntry<Event>): void;
  /** A logger that adds these fields to each entry, such as `requestId`. */
  child(fields: Readonly<Record<string, unknown>>): Logger<Event>;
}

export interface LoggerOptions {
  readonly app: string;
  readonly level: LogLevel;
  /** `standardOutput()` unless said otherwise. */
  readonly destination?: DestinationStream;
}

/** Standard output, written synchronously so that a crash loses no line. */
export function standardOutput(): DestinationStream {
  return pino.destination({ dest: 1, sync: true });
}

type Write = (level: Level, fields: Record<string, unknown>) => void;

function loggerOf<Event extends string>(
  write: Write,
  fields: Readonly<Record<string, unknown>>,
): Logger<Event> {
  const at =
    (level: Level) =>
    ({ event, ...rest }: LogEntry<Event>) =>
      write(level, { event, ...fields, ...rest });
  return {
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    fatal: at('fatal'),
    child: (more) => loggerOf(write, { ...fields, ...more }),
  };
}

/** JSON lines: `{level, time, event, app, …}`; every value has passed `loggable`. */
export function createLogger<Event extends string = string>(options: LoggerOptions): Logger<Event> {
  const sink = pino(
    {
      level: options.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: (value: unknown) => value },
    },
    options.destination ?? standardOutput(),
  );
  const write: Write = (level, fields) => {
    if (sink.isLevelEnabled(level)) sink[level](loggable(fields));
  };
  return loggerOf(write, { app: options.app });
}
