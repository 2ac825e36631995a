import { readFileSync } from 'node:fs';
import { startTour } from './start-tour.js';
import { tourConfig } from './tour-config.js';

const file = process.argv[2];
if (file === undefined) throw new Error('usage: node dist/trial/tour/main.js CONFIG.json');
const config = tourConfig.parse(JSON.parse(readFileSync(file, 'utf8')));
const server = await startTour(config);
process.stdout.write(`${JSON.stringify({ event: 'tour.listening', origin: config.origin })}\n`);
process.once('SIGTERM', () => void server.stop().then(() => process.exit(0)));
