import type { UpstreamConfig } from '#lib/contract/config-snapshot';
import type { CallRequest } from '../connection/exchange.js';
import { type Limited, limited } from './limited.js';

/**
 * Why a request is too large by what it has announced, a body without a length being counted as it comes; or by the
 * `bytes` of a body that has been read.
 */
export function oversized(
  { limits, name }: UpstreamConfig,
  { rawHeaders, headers }: CallRequest,
  bytes = Number(headers['content-length'] ?? 0),
): Limited | undefined {
  if (limits === undefined) return undefined;
  const { headerBytes, bodyBytes } = limits;
  if (headerBytes !== undefined && bytesOf(rawHeaders) > headerBytes)
    return limited('headerBytes', {
      code: 'headers-too-large',
      detail: `${name} takes at most ${headerBytes} bytes of header fields.`,
    });
  if (bodyBytes !== undefined && bytes > bodyBytes) return bodyTooLarge(name, bodyBytes);
  return undefined;
}

export function bodyTooLarge(name: string, bodyBytes: number): Limited {
  const detail = `${name} takes bodies of at most ${bodyBytes} bytes.`;
  return limited('bodyBytes', { code: 'too-large', detail });
}

/** As they stand on the wire: `name: value` and the end of the line. */
function bytesOf(rawHeaders: readonly string[]): number {
  let bytes = 0;
  for (const text of rawHeaders) bytes += text.length;
  return bytes + rawHeaders.length * 2;
}
