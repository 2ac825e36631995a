import type { LocalServer } from './local-server.js';
import type { ScriptableAuthorizationServer } from './scriptable-authorization-server.js';
import type { TestIssuer } from './test-issuer.js';
import type { VaultDoor } from './vault-door.js';

/** What people and administrators of a stack meet. */
export interface StackWorld {
  readonly issuer: TestIssuer;
  readonly provider: ScriptableAuthorizationServer;
  readonly api: LocalServer;
  /** Where people's programs call; empty where there is none. */
  readonly gateways: readonly { readonly url: string }[];
  /** Whom their tokens are for. */
  readonly audience: string;
  /** By these it is registered: the issuer, the oauth client, the machine client. */
  readonly names: { readonly issuer: string; readonly provider: string; readonly machine: string };
  /** Of the machine client: a gateway as far as the vault knows. */
  readonly gatewayOrigin: string;
  readonly upstreams: readonly string[];
  /** What the machine client may ask for. */
  readonly machineUpstreams: '*' | readonly string[];
  door(vault: number): VaultDoor;
  admin(method: string, path: string, body?: unknown): Promise<Response>;
}
