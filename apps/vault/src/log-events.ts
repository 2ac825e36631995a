import type { Logger } from '#lib/observability/logger';

/** Everything that the vault logs. */
export type VaultEvent =
  | 'vault.started'
  | 'vault.stopping'
  | 'vault.stopped'
  | 'vault.failed'
  | 'bootstrap.applied'
  | 'bootstrap.failed'
  | 'callback.stray'
  | 'events.connection_lost'
  | 'exchange.refused'
  | 'exchange.failed'
  | 'grant.refreshed'
  | 'grant.refresh_failed'
  | 'grant.refresh_broken'
  | 'grant.ended'
  | 'grant.revocation_broken'
  | 'grant.scan_failed'
  | 'interactions.sweep_failed'
  | 'login.refused'
  | 'machine_client.refused'
  | 'page.failed'
  | 'provider.refused'
  | 'provider.unusable'
  | 'readiness.failed'
  | 'registry.load_failed'
  | 'seal.broken'
  | 'sealing.sealed'
  | 'sessions.sweep_failed'
  | 'sealing.unseal_failed'
  | 'http.refused'
  | 'http.failed'
  | 'framework.said'
  | 'framework.complained';

export type VaultLogger = Logger<VaultEvent>;
