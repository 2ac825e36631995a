import type { VisibleUpstream } from './joined-upstreams.js';

/** How the joined endpoint presents itself. */
export const serverInfo = { name: 'symbolon', title: 'Symbolon', version: '1' };

const mostNamed = 50;

/** What a model should know of the names: no text of an upstream, which could instruct it in our name. */
export function instructionsFor(visible: readonly VisibleUpstream[]): string {
  const named = visible.slice(0, mostNamed).map(({ upstream: { config } }) => {
    const { name, slug, prefix = `${slug}_` } = config;
    return `- ${name.replaceAll(/\s+/g, ' ')}: names begin with "${prefix}"`;
  });
  const connect =
    'A tool named connect_… stands for a service that is not connected yet: call it to connect.';
  return ['Several services behind one address.', ...named, connect].join('\n');
}
