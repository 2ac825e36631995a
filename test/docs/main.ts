// `npm run docs:generate`: the parts of docs/ that follow from the code.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { allTemplates } from '../../apps/vault/src/templates/catalogue.js';
import { plotFiles, withResults } from '../../bench/plots/performance-page.js';
import { recordsIn } from '../../bench/plots/records.js';
import { processes } from './processes.js';
import { proofsByRow, withProofs } from './proofs.js';
import { providersPage } from './providers-page.js';
import { configurationDocument } from './settings-table.js';

const root = process.cwd();
const threatModel = join(root, 'docs/threat-model.md');

writeFileSync(join(root, 'docs/configuration.md'), configurationDocument(processes));
writeFileSync(join(root, 'docs/providers.md'), providersPage(allTemplates()));
writeFileSync(threatModel, withProofs(readFileSync(threatModel, 'utf8'), proofsByRow(root)));

const performancePage = join(root, 'docs/performance.md');
const records = recordsIn(join(root, 'bench/results'));
const plots = join(root, 'docs/plots');
writeFileSync(performancePage, withResults(readFileSync(performancePage, 'utf8'), records));
rmSync(plots, { recursive: true, force: true });
mkdirSync(plots);
for (const [file, svg] of plotFiles(records)) writeFileSync(join(plots, file), svg);
