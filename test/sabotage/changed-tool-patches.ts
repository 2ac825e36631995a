import type { Patch } from './patch.js';

const vault = 'apps/vault/src/policy';
const gateway = 'apps/gateway/src/policy';

/** What gateways tell of refusals and of servers' tools. */
export const changedToolPatches: readonly Patch[] = [
  {
    name: 'let a gateway speak of any upstream',
    row: '32, confused deputy',
    file: `${vault}/record-decisions.ts`,
    find: "return upstreams === '*' || upstreams.includes(upstream);",
    replace: "return upstreams === '*' || upstream !== '';",
    spec: `${vault}/gateway-reports.spec.ts`,
    test: 'row 32, confused deputy: of upstreams that are not its own it may not speak',
  },
  {
    name: 'let a service report what gateways see',
    row: '32, confused deputy',
    file: `${vault}/gateway-reports.controller.ts`,
    find: "if (machineClient.document.kind === 'gateway') return",
    replace: "if (machineClient.document.kind !== 'external') return",
    spec: `${vault}/gateway-reports.spec.ts`,
    test: 'is not for services, administrators and strangers to tell',
  },
  {
    name: 'use a tool about which the vault has said nothing',
    row: 'rug pull',
    file: `${gateway}/known-tools.ts`,
    find: ' || this.#waiting.has(tool)',
    replace: '',
    spec: `${gateway}/tool-inventory.spec.ts`,
    test: 'rug pull: while the vault is away, what is new is held, and only that',
  },
  {
    name: 'use a held tool until the next snapshot',
    row: 'rug pull',
    file: `${gateway}/known-tools.ts`,
    find: 'if (version < until) return true;',
    replace: 'if (version < 0) return true;',
    spec: `${gateway}/tool-inventory.spec.ts`,
    test: 'rug pull: what the vault holds does not count before the snapshot says so',
  },
];
