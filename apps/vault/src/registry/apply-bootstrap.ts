import type { Logger } from '#lib/observability/logger';
import { Problem } from '#lib/problem/problem';
import type { ChangeRequest } from './change-request.js';
import type { RegistryWriter } from './registry-writer.js';

const retryMs = 2_000;

/**
 * Applies the bootstrap file at each start: it wins over what was changed since, and deletes nothing. Tried until
 * it succeeds, because the database, the key ring or an issuer may come up later than this process.
 */
export class ApplyBootstrap {
  #pending: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(
    private readonly writer: RegistryWriter,
    private readonly logger: Logger,
    private readonly requests: readonly ChangeRequest[],
  ) {
    if (requests.length > 0) this.#pending = 'The bootstrap file has not been applied yet.';
  }

  /** Why the vault is not ready because of it; undefined when it is applied or there is none. */
  get pending(): string | undefined {
    return this.#pending;
  }

  /** Resolves after the first attempt. */
  async start(): Promise<void> {
    if (this.#pending === undefined || this.#stopped) return;
    try {
      const authority = { actor: { kind: 'vault' as const }, bootstrap: true };
      const reports = await this.writer.change(this.requests, authority, { dryRun: false });
      this.#pending = undefined;
      const changed = reports.filter(({ action }) => action !== 'unchanged').length;
      this.logger.info({ event: 'bootstrap.applied', resources: reports.length, changed });
    } catch (error) {
      this.#report(error);
      this.#timer = setTimeout(() => void this.start(), retryMs).unref();
    }
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #report(error: unknown): void {
    const refused = error instanceof Problem && error.status < 500;
    if (refused) this.#pending = 'The bootstrap file is refused; the log says why.';
    const errors = error instanceof Problem ? error.errors : undefined;
    this.logger.error({ event: 'bootstrap.failed', errors, err: error });
  }
}
