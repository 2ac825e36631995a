// `npm run docs:generate`: the parts of docs/ that follow from the code.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { allTemplates } from '../../apps/vault/src/templates/catalogue.js';
import { processes } from './processes.js';
import { proofsByRow, withProofs } from './proofs.js';
import { providersPage } from './providers-page.js';
import { configurationDocument } from './settings-table.js';

const root = process.cwd();
const threatModel = join(root, 'docs/threat-model.md');

writeFileSync(join(root, 'docs/configuration.md'), configurationDocument(processes));
writeFileSync(join(root, 'docs/providers.md'), providersPage(allTemplates()));
writeFileSync(threatModel, withProofs(readFileSync(threatModel, 'utf8'), proofsByRow(root)));
