import { expect, it } from 'vitest';
import { frameworkLog } from './framework-log.js';
import { createLogger } from './logger.js';

it('turns what the framework says into entries of ours', () => {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const log = frameworkLog(createLogger({ app: 'vault', level: 'trace', destination }));
  log.log('Nest application started', 'NestApplication');
  log.error(new Error('no provider'), 'Injector');
  expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
    { level: 'debug', event: 'framework.said', context: ['NestApplication'] },
    { level: 'error', event: 'framework.complained', message: { message: 'no provider' } },
  ]);
});
