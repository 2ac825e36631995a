/** How much is asked for. */
export interface Load {
  /** On each, one request after the other: the next once the last is answered whole. */
  readonly connections: number;
  readonly seconds: number;
  /** Before that, and not counted. */
  readonly warmUpSeconds?: number;
  /** Requests a second over all connections, none before its time; left out: as many as are answered. */
  readonly perSecond?: number;
}

/** What those who asked saw. */
export interface LoadFigures {
  readonly answers: number;
  readonly perSecond: number;
  /** Milliseconds from the sending of a request to the last byte of its answer. */
  readonly p50: number;
  readonly p99: number;
  /** Answers other than 2xx or with a JSON-RPC error, connections that broke, and requests without an answer. */
  readonly failures: number;
  /** Microseconds of processor time that asking took for each answer. */
  readonly generatorMicros: number;
}
