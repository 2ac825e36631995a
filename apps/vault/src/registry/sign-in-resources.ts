import type { MachineClient } from './domain/machine-client.js';
import type { Upstream } from './domain/upstream.js';
import type { RegistrySnapshot, Stored } from './registry-snapshot.js';

/** One address at a gateway whose upstream people consent to as they sign in. */
export interface SignInResource {
  /** RFC 8707, exact. */
  readonly resource: string;
  readonly upstream: Stored<Upstream>;
}

/** All of them: what the vault mints tokens for, and accepts its own tokens at. */
export function signInResources({
  machineClients,
  upstreams,
}: Pick<RegistrySnapshot, 'machineClients' | 'upstreams'>): readonly SignInResource[] {
  const offered = upstreams.filter(({ document }) => document.consentAtSignIn === true);
  if (offered.length === 0) return [];
  return machineClients.flatMap(({ document: client }) =>
    offered
      .filter(({ document }) => serves(client, document))
      .map((upstream) => ({
        resource: `${client.publicUrl}/${upstream.document.type}/${upstream.document.slug}`,
        upstream,
      })),
  );
}

function serves({ kind, publicUrl, upstreams }: MachineClient, { slug }: Upstream): boolean {
  if (kind !== 'gateway' || publicUrl === undefined) return false;
  return upstreams === '*' || upstreams.includes(slug);
}
