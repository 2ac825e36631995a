/**
 * What features ask Nest for where the type is a port. One symbol per port; app.module.ts provides them
 * globally, and each feature's module says what it makes of them.
 */
export const CONFIG = Symbol('VaultConfig');
export const LOGGER = Symbol('Logger');
export const CLOCK = Symbol('Clock');
export const OUTBOUND = Symbol('Outbound');
/** The PostgresDatabase of request handling. */
export const DATABASE = Symbol('Database');
export const SEALER = Symbol('Sealer');
/** The PostgresDatabase of key rows and rotation. */
export const SEALING_DATABASE = Symbol('SealingDatabase');
/** The key-encryption keys that SYMBOLON_KEYRING names, the first of which wraps. */
export const KEY_RING = Symbol('KeyRing');
export const AUDIT_LOG = Symbol('AuditLog');
export const REFUSALS = Symbol('Refusals');
export const EVENT_PUBLISHER = Symbol('EventPublisher');
export const EVENT_SOURCE = Symbol('EventSource');
export const REGISTRY = Symbol('Registry');
export const GRANTS = Symbol('Grants');
export const CONSENT_STORE = Symbol('ConsentStore');
/** An ImportGrants (imports/import-grants.ts). */
export const GRANT_IMPORTS = Symbol('ImportGrants');
/** A PostgresRecoveryStore, the RequestRecovery and the ReplayEnds (recovery/). */
export const RECOVERY_STORE = Symbol('RecoveryStore');
export const RECOVERY_REQUESTS = Symbol('RequestRecovery');
export const REPLAY_ENDS = Symbol('ReplayEnds');
/** A LeaverDesk (leavers/leaver-desk.ts). */
export const LEAVERS = Symbol('LeaverDesk');
/** A ScimAccess (scim/scim-access.ts). */
export const SCIM_ACCESS = Symbol('ScimAccess');
/** A RegisteredClientDesk (authorization-server/registered-client-desk.ts). */
export const SIGN_IN_CLIENTS = Symbol('RegisteredClientDesk');
export const PROVIDERS = Symbol('Providers');
export const INTERACTIONS = Symbol('Interactions');
/** A CrashPoint; `noCrash` in production. */
export const CRASH_POINT = Symbol('CrashPoint');
/** The vault's public origin, such as https://vault.example.com. */
export const PUBLIC_URL = Symbol('publicUrl');
/** The TokenVerifier of corporate tokens and the JwksCache behind it; provided by RegistryModule. */
export const TOKEN_VERIFIER = Symbol('TokenVerifier');
export const JWKS_CACHE = Symbol('JwksCache');
/** The AccessTokenKeys of the vault's own tokens (registry/access-token-keys.ts); absent where it mints none. */
export const ACCESS_TOKEN_KEYS = Symbol('AccessTokenKeys');
/** AdminSettings (admin/admin-settings.ts). */
export const ADMIN_SETTINGS = Symbol('AdminSettings');
