import type { MachineClient } from '../registry/domain/machine-client.js';

/** Who receives the token, as a consent names it: any gateway alike, each service by itself. */
export function consumerOf({ kind, slug }: MachineClient): string {
  return kind === 'gateway' ? 'gateway' : slug;
}
