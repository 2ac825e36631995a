import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { recordingFetch } from './recording-fetch.js';
import type { Exchange } from './recording-fetch.js';
import { connectClient } from './sdk-clients.js';
import type { ClientKind, ConnectedClient } from './sdk-clients.js';

const whoami = z.object({
  account: z.string(),
  role: z.string(),
  /** Epoch seconds. */
  issuedAt: z.number(),
  expiresAt: z.number(),
  tokenFingerprint: z.string(),
});

/** What the demo warehouse says of the caller. */
export type Whoami = z.output<typeof whoami>;

export type CallOutcome =
  | { readonly kind: 'answer'; readonly whoami: Whoami; readonly exchange: Exchange | undefined }
  | { readonly kind: 'paused'; readonly link: string; readonly exchange: Exchange | undefined }
  | { readonly kind: 'failed'; readonly reason: string; readonly exchange: Exchange | undefined };

const firstWordMs = 30_000;

/** A caller of the tool `whoami` through the gateway, with a real SDK client of one kind. */
export class WhoamiCaller {
  readonly exchanges: Exchange[] = [];
  #client: ConnectedClient | undefined;
  #paused: (link: string) => void = () => undefined;
  #ending: Promise<CallOutcome> | undefined;

  private constructor(readonly kind: ClientKind) {}

  static async connect(kind: ClientKind, url: string, token: string): Promise<WhoamiCaller> {
    const caller = new WhoamiCaller(kind);
    caller.#client = await connectClient(kind, {
      ...{ url, token, fetch: recordingFetch(caller.exchanges) },
      onPause: (link) => caller.#paused(link),
    });
    return caller;
  }

  /** Resolves with the answer, or with the pause if there is one; the paused call then goes on. */
  async call(): Promise<CallOutcome> {
    const paused = new Promise<CallOutcome>((resolve) => {
      this.#paused = (link) => resolve({ kind: 'paused', link, exchange: this.exchanges.at(-1) });
    });
    this.#ending = this.#toTheEnd();
    return Promise.race([paused, this.#ending, tooSlow()]);
  }

  /** How the call that paused ended; undefined while it still waits after `timeoutMs`. */
  async ended(timeoutMs: number): Promise<CallOutcome | undefined> {
    return Promise.race([
      this.#ending ?? Promise.resolve(undefined),
      sleep(timeoutMs, undefined, { ref: false }),
    ]);
  }

  async close(): Promise<void> {
    await this.#client?.close().catch(() => undefined);
  }

  async #toTheEnd(): Promise<CallOutcome> {
    try {
      const result = (await this.#client?.call()) as { structuredContent?: unknown } | undefined;
      const exchange = this.exchanges.at(-1);
      const said = whoami.safeParse(result?.structuredContent);
      if (said.success) return { kind: 'answer', whoami: said.data, exchange };
      return { kind: 'failed', reason: textOf(result), exchange };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return { kind: 'failed', reason, exchange: this.exchanges.at(-1) };
    }
  }
}

/** One call with a client of its own; a pause is reported and not waited for. */
export async function callOnce(kind: ClientKind, url: string, token: string): Promise<CallOutcome> {
  let caller: WhoamiCaller | undefined;
  try {
    caller = await WhoamiCaller.connect(kind, url, token);
    return await caller.call();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { kind: 'failed', reason, exchange: caller?.exchanges.at(-1) };
  } finally {
    void caller?.close();
  }
}

function textOf(result: unknown): string {
  const { content } = (result ?? {}) as { content?: readonly { text?: string }[] };
  return content?.map(({ text }) => text ?? '').join(' ') ?? 'The tool gave no answer.';
}

async function tooSlow(): Promise<CallOutcome> {
  await sleep(firstWordMs, undefined, { ref: false });
  const reason = `The gateway said nothing for ${firstWordMs / 1000} s.`;
  return { kind: 'failed', reason, exchange: undefined };
}
