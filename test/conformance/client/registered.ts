import { setTimeout as sleep } from 'node:timers/promises';
import { admin } from '../../e2e/trial-caller.js';
import type { World } from '../world.js';

/** As the suite hands it over. */
export interface Scenario {
  readonly scenario: string;
  readonly revision: string;
  /** JSON, or empty. */
  readonly context: string;
  readonly server: string;
}

export async function registerUpstream(
  world: World,
  slug: string,
  url: string,
  credential: object,
): Promise<void> {
  await put(world, `upstreams/${slug}`, { name: slug, type: 'mcp', url, credential });
}

/** A PUT as an administrator makes it; a refusal is an error with the vault's words. */
export async function put(world: World, path: string, body: object): Promise<void> {
  const answer = await admin(world.trial, 'PUT', path, { slug: path.split('/')[1], ...body });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`PUT ${path}: ${answer.status} ${text}`);
}

/** The gateway hears of a new upstream by an event. */
export async function known(world: World, address: string): Promise<void> {
  const { headers } = world.alice;
  while ((await fetch(address, { headers })).status === 404) await sleep(20);
}
