import { catalogue, type ProblemCode } from './catalogue.js';

/** One thing wrong in a body: an RFC 6901 pointer, a stable code, and what to do about it. */
export interface FieldError {
  readonly pointer: string;
  readonly code: string;
  readonly detail: string;
}

export interface ProblemOptions {
  readonly errors?: readonly FieldError[];
  /** Extension members of the problem document (RFC 9457 §3.2). Public. */
  readonly extra?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Private: goes to the log, never to the caller. */
  readonly cause?: unknown;
}

/** A refusal at the edge. `detail` is public: it says what happened and what to do next. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  readonly title: string;
  readonly errors: readonly FieldError[] | undefined;
  readonly extra: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    readonly code: ProblemCode,
    readonly detail: string,
    options: ProblemOptions = {},
  ) {
    const { stackTraceLimit } = Error;
    // Where a refusal was decided tells nobody anything, and to look it up costs more than the rest of its answer.
    if (catalogue[code].status < 500) Error.stackTraceLimit = 0;
    super(`${code}: ${detail}`, { cause: options.cause });
    Error.stackTraceLimit = stackTraceLimit;
    this.status = catalogue[code].status;
    this.title = catalogue[code].title;
    this.errors = options.errors;
    this.extra = options.extra ?? {};
    this.headers = options.headers ?? {};
  }
}
