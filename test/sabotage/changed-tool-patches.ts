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
    name: 'call a tool that this replica has not seen listed',
    row: 'rug pull',
    file: `${gateway}/tool-inventory.ts`,
    find: "return known.isListed(tool) ? 'known' : 'unseen';",
    replace: "return 'known';",
    spec: `${gateway}/tool-inventory.spec.ts`,
    test: 'rug pull: what no list has shown this replica of late is unseen, whatever the vault knows',
  },
  {
    name: 'call an unseen tool that the list does not show',
    row: 'rug pull',
    file: `${gateway}/tool-gate.ts`,
    find: "if (decision.kind !== 'allowed' || decision.isUnseen !== true) return decision;",
    replace: "if (decision.kind !== 'sign-in') return decision;",
    spec: 'apps/gateway/src/mcp/look-first.spec.ts',
    test: 'rug pull: is as one that does not exist where no list shows it',
  },
  {
    name: 'go by an inventory that was forgotten',
    row: 'rug pull',
    file: `${gateway}/tool-inventory.ts`,
    find: ' && known.inventory === toolInventory;',
    replace: ';',
    spec: `${gateway}/tool-inventory.spec.ts`,
    test: 'rug pull: what no list has shown this replica of late is unseen, whatever the vault knows',
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
