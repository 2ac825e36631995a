import { ConfigurationError } from '#lib/config/environment';
import { readTrialConfig } from './config.js';
import { readyText } from './supervisor/ready-text.js';
import { Supervisor } from './supervisor/supervisor.js';

const say = (text: string) => void process.stdout.write(`${text}\n`);

async function run(): Promise<void> {
  const config = readTrialConfig();
  const supervisor = new Supervisor(config, say);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      say('Stopping …');
      void supervisor.stop().then(() => process.exit(0));
    });
  }
  try {
    await supervisor.start();
  } catch (error) {
    await supervisor.stop();
    throw error;
  }
  say(readyText(supervisor.addresses, config.stateDir, supervisor.has('tour')));
}

run().catch((error: unknown) => {
  const expected = error instanceof ConfigurationError || error instanceof Error;
  process.stderr.write(`${expected ? error.message : String(error)}\n`);
  process.exit(1);
});
