import type { JsonObject } from '../mcp/message.js';
import { parseExact, printExact } from './exact-json.js';
import type { Routed } from './routed.js';

/**
 * What an upstream says about the tool that it was asked for in place of a hidden one, with the name that the caller
 * asked for; undefined where nothing is in place of anything.
 */
export function undisguise({
  at,
  target,
}: Pick<Routed, 'at' | 'target'>): ((said: JsonObject) => JsonObject) | undefined {
  const decoy = at.terms?.decoy;
  if (decoy === undefined) return undefined;
  const name = JSON.stringify(target.tool).slice(1, -1);
  // By a function: in a text `$&` would put the decoy there.
  return (said) => parseExact(printExact(said).replaceAll(decoy, () => name)) as JsonObject;
}
