import type { MachineClient } from '../registry/domain/machine-client.js';
import type { Upstream } from '../registry/domain/upstream.js';
import type { Stored } from '../registry/registry-snapshot.js';
import type { ExchangeParameters } from './domain/exchange-parameters.js';
import type { Subject } from './exchange-subject.js';

/** One exchange: who asks, for whom, for what. */
export interface ExchangeCall {
  readonly client: Stored<MachineClient>;
  readonly parameters: ExchangeParameters;
  readonly requestId: string;
}

/** One whose caller may use the upstream. */
export interface AdmittedCall extends ExchangeCall {
  readonly subject: Subject;
  readonly upstream: Stored<Upstream>;
}
