import { setTimeout as sleep } from 'node:timers/promises';
import { sendJson } from '#lib/testing/local-server';
import { tooManyRequests } from '#lib/testing/scripted-answer';
import type { ScriptableAuthorizationServer } from '#lib/testing/scriptable-authorization-server';

interface Refusing {
  readonly seconds: number;
  refusedAt: number | undefined;
}

/** Counts at the authorization server itself: what is in flight, and how often each refresh token family was used. */
export class WatchedProvider {
  #now = 0;
  most = 0;
  /** When requests came, milliseconds. */
  arrivals: number[] = [];
  #refusing: Refusing | undefined;
  #attempts = new Map<string, number>();
  #overlaps = 0;

  constructor(private readonly provider: ScriptableAuthorizationServer) {}

  /** Each answer takes `latencyMs`; counting begins anew. */
  watch(latencyMs: number): void {
    this.most = 0;
    this.arrivals = [];
    this.#attempts = new Map(this.provider.families.all.map(({ id, attempts }) => [id, attempts]));
    this.#overlaps = this.#sumOverlaps();
    this.provider.always('token', async (response, ordinary) => {
      this.arrivals.push(performance.now());
      this.#now += 1;
      this.most = Math.max(this.most, this.#now);
      await sleep(latencyMs);
      const refusal = this.#refusing?.refusedAt === undefined ? this.#refusing : undefined;
      const answer = refusal ? undefined : await ordinary();
      // Before it is sent: the answer may bring the next request.
      this.#now -= 1;
      // A million recorded requests would be most of this process's memory.
      this.provider.requests.length = 0;
      if (answer) return sendJson(response, answer.status, answer.body);
      if (refusal) refusal.refusedAt = performance.now();
      return tooManyRequests(refusal?.seconds)(response, ordinary);
    });
  }

  /** One answer from now on is 429 with Retry-After. What is told: when that was; undefined before. */
  refuseOnce(seconds: number): () => number | undefined {
    const refusing: Refusing = { seconds, refusedAt: undefined };
    this.#refusing = refusing;
    return () => refusing.refusedAt;
  }

  /** Since `watch`. */
  get refreshes(): number {
    return this.#each().reduce((sum, each) => sum + each, 0);
  }

  /** Grants whose refresh token came more than once since `watch`. */
  get twice(): number {
    return this.#each().filter((each) => each > 1).length;
  }

  /** Second refreshes of a grant that came while one was in flight. */
  get overlaps(): number {
    return this.#sumOverlaps() - this.#overlaps;
  }

  #each(): number[] {
    return this.provider.families.all.map(
      ({ id, attempts }) => attempts - (this.#attempts.get(id) ?? 0),
    );
  }

  #sumOverlaps(): number {
    return this.provider.families.all.reduce((sum, { overlaps }) => sum + overlaps, 0);
  }
}
