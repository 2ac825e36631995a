import type { LocalServer } from '#lib/testing/local-server';
import type { ScriptableAuthorizationServer } from '#lib/testing/scriptable-authorization-server';
import type { TestIssuer } from '#lib/testing/test-issuer';
import type { GatewayNode } from './nodes.js';
import type { VaultDoor } from './vault-door.js';

/** What people and administrators of a stack meet. */
export interface StackWorld {
  readonly issuer: TestIssuer;
  readonly provider: ScriptableAuthorizationServer;
  readonly api: LocalServer;
  readonly gateways: readonly GatewayNode[];
  readonly gatewayOrigin: string;
  readonly upstreams: readonly string[];
  door(vault: number): VaultDoor;
  admin(method: string, path: string, body?: unknown): Promise<Response>;
}
