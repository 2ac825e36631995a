import { readFileSync } from 'node:fs';
import { idpConfig } from './idp-config.js';
import { startIdp } from './start-idp.js';

const file = process.argv[2];
if (file === undefined) throw new Error('usage: node dist/trial/idp/main.js CONFIG.json');
const config = idpConfig.parse(JSON.parse(readFileSync(file, 'utf8')));
const server = await startIdp(config);
process.stdout.write(`${JSON.stringify({ event: 'idp.listening', issuer: config.issuer })}\n`);
process.once('SIGTERM', () => void server.stop().then(() => process.exit(0)));
