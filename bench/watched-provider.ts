import { slow } from '#lib/testing/scripted-answer';
import type { ScriptableAuthorizationServer } from '#lib/testing/scriptable-authorization-server';

/** Counts at the authorization server itself: what is in flight, and how often each refresh token family was used. */
export class WatchedProvider {
  #now = 0;
  most = 0;
  #attempts = 0;

  constructor(private readonly provider: ScriptableAuthorizationServer) {}

  /** Each answer takes `latencyMs`; counting begins anew. */
  watch(latencyMs: number): void {
    this.most = 0;
    this.#attempts = this.#sum();
    this.provider.always('token', async (response, ordinary) => {
      this.#now += 1;
      this.most = Math.max(this.most, this.#now);
      await slow(latencyMs)(response, ordinary);
      this.#now -= 1;
      // A million recorded requests would be most of this process's memory.
      this.provider.requests.length = 0;
    });
  }

  /** Since `watch`. */
  get refreshes(): number {
    return this.#sum() - this.#attempts;
  }

  get overlaps(): number {
    return this.provider.families.all.reduce((sum, { overlaps }) => sum + overlaps, 0);
  }

  #sum(): number {
    return this.provider.families.all.reduce((sum, { attempts }) => sum + attempts, 0);
  }
}
