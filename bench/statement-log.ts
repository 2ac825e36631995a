import { readFile, stat } from 'node:fs/promises';
import type { FaultStack } from '../test/faults/stack/fault-stack.js';
import { summary, type Times } from './summary.js';

// One line each: what stands in it is the statement and its time, not what it was given.
const settings: Readonly<Record<string, string>> = {
  log_min_duration_statement: '-1',
  log_parameter_max_length: '0',
  session_preload_libraries: `'auto_explain'`,
  'auto_explain.log_min_duration': '-1',
  'auto_explain.log_format': 'json',
  'auto_explain.log_parameter_max_length': '0',
};

/** The log of Postgres: what the vaults' own statements cost there, and by which plan they ran. */
export class StatementLog {
  #from = 0;

  constructor(
    private readonly stack: FaultStack,
    private readonly path: string,
  ) {}

  /** Before the vaults connect: plans are logged by a library that a connection loads as it begins. */
  prepare(): Promise<void> {
    return this.#set(settings);
  }

  /** From now on the log counts, and holds the statements of so many of a hundred transactions. */
  async sample(percent: number): Promise<void> {
    await this.#set({ log_transaction_sample_rate: String(percent / 100) });
    this.#from = (await stat(this.path)).size;
  }

  /** What the log holds since then of the statements that begin so. */
  async timesOf(beginning: string): Promise<Times> {
    const line = /\[(\d+)\] LOG: {2}duration: ([\d.]+) ms {2}(parse|bind|execute) [^:]+: (.*)$/gm;
    const running = new Map<string, number>();
    const times: number[] = [];
    for (const [, pid = '', ms = '', step, sql = ''] of (await this.#text()).matchAll(line)) {
      if (!sql.startsWith(beginning)) continue;
      const sum = (step === 'parse' ? 0 : (running.get(pid) ?? 0)) + Number(ms);
      running.set(pid, sum);
      if (step === 'execute') times.push(sum);
    }
    return summary(times);
  }

  /** The ways in which `work` made the vaults read user_grant by the statements that begin so, such as `Index Scan using …`. */
  async scansOf(beginning: string, work: () => Promise<unknown>): Promise<readonly string[]> {
    await this.#set({ 'auto_explain.log_min_duration': '0' });
    const from = (await stat(this.path)).size;
    await work();
    await this.#set({ 'auto_explain.log_min_duration': '-1' });
    const plans = (await this.#text(from)).split(/LOG: {2}duration: [\d.]+ ms {2}plan:/).slice(1);
    const own = plans.filter((plan) => plan.includes(`"Query Text": "${beginning}`));
    const node =
      /"Node Type": "([^"]*Scan)"(?:(?!"Node Type")[^])*?"Relation Name": "user_grant\w*"/g;
    const index = /"Index Name": "([^"]+)"/;
    const scans = own.flatMap((plan) =>
      [...plan.matchAll(node)].map(
        ([text, scan = '']) => `${scan} of ${index.exec(text)?.[1] ?? 'the table'}`,
      ),
    );
    return [...new Set(scans)].toSorted();
  }

  async #text(from = this.#from): Promise<string> {
    return (await readFile(this.path)).subarray(from).toString('utf8');
  }

  async #set(values: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, value] of Object.entries(values))
      await this.stack.sql(`ALTER SYSTEM SET ${name} = ${value}`);
    await this.stack.sql('SELECT pg_reload_conf()');
  }
}
