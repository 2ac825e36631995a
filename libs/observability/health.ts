/** `undefined` when fine, else a reason fit for the public: what is missing, no addresses, no secrets. */
export type ReadinessCheck = () => Promise<string | undefined> | string | undefined;

export interface Readiness {
  readonly status: 200 | 503;
  readonly body: {
    readonly status: 'ready' | 'not-ready';
    /** Each check by name: `ok`, or the reason. */
    readonly checks: Readonly<Record<string, string>>;
  };
}

const silent = 'no answer in time';

async function within(timeoutMs: number, check: ReadinessCheck): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(silent), timeoutMs);
  });
  const answer = async () => (await check()) ?? 'ok';
  try {
    return await Promise.race([answer(), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The named checks behind `GET /readyz`. A check that throws or does not answer in time is not ready. */
export class ReadinessChecks {
  readonly #checks = new Map<string, ReadinessCheck>();

  constructor(
    private readonly onError: (check: string, error: unknown) => void,
    private readonly timeoutMs = 1000,
  ) {}

  add(name: string, check: ReadinessCheck): void {
    if (this.#checks.has(name)) throw new Error(`readiness check ${name} is registered twice`);
    this.#checks.set(name, check);
  }

  async collect(): Promise<Readiness> {
    const results = await Promise.all(
      [...this.#checks].map(async ([name, check]) => [name, await this.#run(name, check)] as const),
    );
    const ready = results.every(([, result]) => result === 'ok');
    return {
      status: ready ? 200 : 503,
      body: { status: ready ? 'ready' : 'not-ready', checks: Object.fromEntries(results) },
    };
  }

  async #run(name: string, check: ReadinessCheck): Promise<string> {
    try {
      return await within(this.timeoutMs, check);
    } catch (error) {
      this.onError(name, error);
      return 'failed';
    }
  }
}
