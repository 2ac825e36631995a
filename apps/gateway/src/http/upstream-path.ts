import type { PreparedUpstream } from '../upstreams/upstreams.js';

const prefix = '/http/';

/** The slug in `/http/{slug}`, `/http/{slug}/…` and `/http/{slug}?…`; the target is already well-formed. */
export function slugOf(target: string): string {
  let end = prefix.length;
  while (end < target.length && target[end] !== '/' && target[end] !== '?') end += 1;
  return target.slice(prefix.length, end);
}

/** The path and query at the upstream, byte for byte as they came. */
export function upstreamPath(upstream: PreparedUpstream, target: string): string {
  const rest = target.slice(prefix.length + upstream.config.slug.length);
  if (rest.startsWith('/')) return upstream.basePath + rest;
  return `${upstream.basePath === '' ? '/' : upstream.basePath}${rest}`;
}

/** The path below the upstream's URL, raw and without the query; empty for the URL itself. */
export function pathBelow(upstream: PreparedUpstream, target: string): string {
  const start = prefix.length + upstream.config.slug.length;
  const end = target.indexOf('?', start);
  return end < 0 ? target.slice(start) : target.slice(start, end);
}

/**
 * Where a `Location` of the upstream leads when it is called through us; undefined where it leads
 * elsewhere. `path` is what was asked for, against which a relative reference counts.
 */
export function returnedLocation(
  upstream: PreparedUpstream,
  path: string,
  location: string,
  publicUrl: string,
): string | undefined {
  const base = `${upstream.origin}${path}`;
  if (!URL.canParse(location, base)) return undefined;
  const { origin, pathname, search, hash, username } = new URL(location, base);
  if (origin !== upstream.origin || username !== '') return undefined;
  const inside = pathname === upstream.basePath || pathname.startsWith(`${upstream.basePath}/`);
  if (!inside) return undefined;
  return `${publicUrl}${prefix}${upstream.config.slug}${pathname.slice(upstream.basePath.length)}${search}${hash}`;
}
