import type { Command } from 'commander';
import type { AdminClient } from './admin-client.js';

/** What a command works with. `client()` reads the configuration first, so that `--help` needs none. */
export interface CommandContext {
  readonly client: () => AdminClient;
  readonly print: (line: string) => void;
}

/** Adds one command to the program. */
export type AddCommand = (program: Command, context: CommandContext) => void;
