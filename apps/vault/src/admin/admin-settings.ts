import type { Secret } from '#lib/secret/secret';
import type { ChangeRequest } from '../registry/change-request.js';

/** What of the configuration the admin API needs. */
export interface AdminSettings {
  readonly bootstrapToken: Secret | undefined;
  /** `SYMBOLON_ADMIN_RECOVERY`: the bootstrap token counts although an issuer's administrator has signed in. */
  readonly recovery: boolean;
  /** What the bootstrap file asks for; empty without one. */
  readonly bootstrap?: readonly ChangeRequest[];
}
