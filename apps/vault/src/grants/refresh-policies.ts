import { usualRequests } from '../providers/request-slots.js';
import type { RefreshRules } from '../registry/domain/oauth-client.js';
import type { Registry } from '../registry/registry-snapshot.js';

/** For how long grants that nobody uses are kept alive; seconds. */
export interface IdleTimes {
  /** Unused for so long, a grant is not refreshed any more before somebody asks. */
  readonly idleAfter: number;
  /** But, where its refresh token would end unused, in time for that, unless it is unused for so long. */
  readonly keepAlive: number;
}

export interface RefreshPolicy {
  /** Requests in flight over all replicas. */
  readonly maxConcurrentRequests: number;
  readonly rules: RefreshRules;
}

/** How each provider wants refresh tokens to be used. */
export class RefreshPolicies {
  constructor(private readonly registry: Pick<Registry, 'current'>) {}

  of(oauthClientId: string): RefreshPolicy {
    const document = this.registry.current().oauthClientById(oauthClientId)?.document;
    return {
      maxConcurrentRequests: document?.maxConcurrentRequests ?? usualRequests,
      rules: document?.refresh ?? {},
    };
  }
}
