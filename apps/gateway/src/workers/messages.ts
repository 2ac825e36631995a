/** What the supervisor tells a worker over their channel. */
export type ToWorker =
  | {
      readonly kind: 'start';
      readonly worker: number;
      /** Others serve: it takes no call before it knows what they know. */
      readonly othersServe: boolean;
      /** Of `gatewaySettings`, every file read: all workers run with what the supervisor started with. */
      readonly settings: Readonly<Record<string, string>>;
      /** Known to the workers of this gateway alone, made anew at each start. */
      readonly secret: string;
    }
  | { readonly kind: 'doors'; readonly doors: Doors }
  | { readonly kind: 'measure'; readonly id: number };

/** What a worker tells the supervisor. */
export type FromWorker =
  /** It listens to its channel: what was told before is lost. */
  | { readonly kind: 'here' }
  | { readonly kind: 'ready'; readonly door: number }
  | { readonly kind: 'measured'; readonly id: number; readonly metrics: Measured };

/** Where the workers that serve take over requests of each other: loopback ports by worker. */
export type Doors = Readonly<Record<number, number>>;

/** A registry's metrics as data. */
export type Measured = readonly {
  readonly name: string;
  /** `counter`, `gauge`, `histogram` or `summary`. */
  readonly type: string;
  /** How the values of several processes become one: `sum`, `max`, … */
  readonly aggregator: string;
}[];
