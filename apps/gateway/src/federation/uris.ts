import { isObject, type JsonObject } from '../mcp/message.js';

const joined = /^symbolon\+([a-z0-9][a-z0-9-]*):(.+)$/s;

/**
 * A resource's URI among those of other upstreams: `symbolon+<slug>:<its own>`. Wrapped and not looked up in
 * a table: it says by itself where it leads, at every replica and after a restart, and a template stays one.
 */
export function joinedUri(slug: string, uri: string): string {
  return `symbolon+${slug}:${uri}`;
}

export interface OwnUri {
  readonly slug: string;
  readonly uri: string;
}

export function readUri(uri: unknown): OwnUri | undefined {
  const [, slug, own] = typeof uri === 'string' ? (joined.exec(uri) ?? []) : [];
  return slug === undefined || own === undefined ? undefined : { slug, uri: own };
}

/** A result or a message of an upstream with its URIs as the caller may use them. */
export function withJoinedUris(slug: string, value: JsonObject): JsonObject {
  const { content, messages, contents } = value;
  return {
    ...value,
    ...(Array.isArray(content) ? { content: content.map((one) => block(slug, one)) } : {}),
    ...(Array.isArray(messages) ? { messages: messages.map((one) => message(slug, one)) } : {}),
    ...(Array.isArray(contents) ? { contents: contents.map((one) => located(slug, one)) } : {}),
  };
}

/** A tool as listed: what it names for its display (`_meta.ui.resourceUri`) is a resource too. */
export function withJoinedDisplay(slug: string, tool: JsonObject): JsonObject {
  const { _meta: meta } = tool;
  if (!isObject(meta)) return tool;
  const { ui } = meta;
  const flat = meta['ui/resourceUri'];
  return {
    ...tool,
    _meta: {
      ...meta,
      ...(typeof flat === 'string' ? { 'ui/resourceUri': joinedUri(slug, flat) } : {}),
      ...(isObject(ui) && typeof ui['resourceUri'] === 'string'
        ? { ui: { ...ui, resourceUri: joinedUri(slug, ui['resourceUri']) } }
        : {}),
    },
  };
}

function message(slug: string, value: unknown): unknown {
  if (!isObject(value)) return value;
  const { content } = value;
  const own = Array.isArray(content)
    ? content.map((one) => block(slug, one))
    : block(slug, content);
  return { ...value, content: own };
}

function block(slug: string, value: unknown): unknown {
  if (!isObject(value)) return value;
  if (value['type'] === 'resource_link') return located(slug, value);
  if (value['type'] !== 'resource') return value;
  return { ...value, resource: located(slug, value['resource']) };
}

function located(slug: string, value: unknown): unknown {
  if (!isObject(value) || typeof value['uri'] !== 'string') return value;
  return { ...value, uri: joinedUri(slug, value['uri']) };
}
