import { readFileSync } from 'node:fs';
import { demoConfig } from './demo-config.js';
import { startHttpDemo } from './start-http-demo.js';
import { startMcpDemo } from './start-mcp-demo.js';

const file = process.argv[2];
if (file === undefined) throw new Error('usage: node dist/trial/demo/main.js CONFIG.json');
const config = demoConfig.parse(JSON.parse(readFileSync(file, 'utf8')));
const server = await (config.kind === 'mcp' ? startMcpDemo(config) : startHttpDemo(config));
process.stdout.write(`${JSON.stringify({ event: 'demo.listening', resource: config.resource })}\n`);
process.once('SIGTERM', () => void server.stop().then(() => process.exit(0)));
