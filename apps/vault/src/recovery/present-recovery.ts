import type { RegistrySnapshot } from '../registry/registry-snapshot.js';
import type { ProviderProgress, Recovery } from './recovery.js';

/** A recovery as the admin API answers it, with what to do where it does not go on by itself. */
export function presentRecovery(recovery: Recovery, registry: RegistrySnapshot) {
  const { id, state, ratePerMinute, breakerShare, markedAt } = recovery;
  return {
    ...{ id, state, ratePerMinute, breakerShare, markedAt },
    backupTime: recovery.backupTime ?? null,
    startedAt: recovery.startedAt ?? null,
    finishedAt: recovery.finishedAt ?? null,
    hint: hintOf(recovery),
    providers: recovery.providers.map((one) => presentProvider(one, recovery, registry)),
  };
}

function presentProvider(one: ProviderProgress, recovery: Recovery, registry: RegistrySnapshot) {
  const { oauthClientId, ...progress } = one;
  const oauthClient = registry.oauthClientById(oauthClientId)?.document.slug ?? null;
  const { waiting, alive, dead } = progress;
  const untilDone =
    recovery.state === 'running' && progress.state === 'testing'
      ? Math.ceil((waiting * 60) / recovery.ratePerMinute)
      : null;
  const hint =
    progress.state === 'stopped'
      ? `${dead} of the first ${alive + dead} were dead: stopped. If the backup is the right one, go on: symbolon recover continue --oauth-client ${oauthClient}`
      : null;
  return { oauthClient, ...progress, secondsLeft: untilDone, hint };
}

function hintOf({ state }: Recovery): string | null {
  if (state === 'held')
    return 'The database is marked as restored: no refresh token is used. Apply revocations made since the backup (symbolon recover replay), then: symbolon recover start';
  if (state === 'stopped')
    return 'Nothing is tested; what was not tested stays held. Go on: symbolon recover continue. Give up the tests: symbolon recover stop --release';
  return null;
}
