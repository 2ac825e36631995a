import { cold } from './cases/cold.js';
import { http } from './cases/http.js';
import { overload } from './cases/overload.js';
import { processes } from './cases/processes.js';
import type { BenchCase } from './harness/bench-case.js';

/** In the order in which they run. `share` of the time of all: who needs more gets more. */
export const cases: readonly { readonly bench: BenchCase; readonly share: number }[] = [
  { bench: http, share: 17 },
  { bench: overload, share: 5 },
  { bench: cold, share: 25 },
  { bench: processes, share: 3 },
];
