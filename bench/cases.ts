import { cold } from './cases/cold.js';
import { federation } from './cases/federation.js';
import { http } from './cases/http.js';
import { layers } from './cases/layers.js';
import { mcp } from './cases/mcp.js';
import { flood } from './cases/flood.js';
import { overload } from './cases/overload.js';
import { processes } from './cases/processes.js';
import { streams } from './cases/streams.js';
import { refresh } from './cases/refresh.js';
import { vault } from './cases/vault.js';
import { workers } from './cases/workers.js';
import type { BenchCase } from './harness/bench-case.js';

/**
 * In the order in which they run. `share` is about the seconds that a case takes with all its rounds. Where together they
 * would take longer than there is, each goes round less often; who runs alone has all the time.
 */
export const cases: readonly { readonly bench: BenchCase; readonly share: number }[] = [
  { bench: http, share: 100 },
  { bench: mcp, share: 60 },
  { bench: layers, share: 45 },
  { bench: flood, share: 28 },
  { bench: overload, share: 34 },
  { bench: cold, share: 122 },
  { bench: workers, share: 22 },
  { bench: streams, share: 20 },
  { bench: processes, share: 30 },
  { bench: vault, share: 50 },
  { bench: refresh, share: 38 },
  { bench: federation, share: 34 },
];
