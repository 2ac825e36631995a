import { MachineClientGuard } from '../machine-clients/machine-client.guard.js';
import type { MachineClient } from '../registry/domain/machine-client.js';

/** Opens `/external/v1`, to the backends of pages of the company's own and to nobody else. */
export class ExternalBackendGuard extends MachineClientGuard {
  protected override admits({ kind }: MachineClient): boolean {
    return kind === 'external';
  }
}
