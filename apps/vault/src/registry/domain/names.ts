import { z } from 'zod';

/** The immutable name of a registry resource in URLs and references. */
export const slug = z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, {
  message: 'must be 1 to 63 of a-z, 0-9 and -, beginning and ending with a letter or digit',
});

/** A name that people read: one line, no control or bidirectional formatting characters. */
export const displayName = z
  .string()
  .min(1)
  .max(100)
  .regex(/^[^\p{Cc}\p{Zl}\p{Zp}\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]+$/u, {
    message: 'must be one line without control or text-direction characters',
  });

/** RFC 6749 §3.3 scope-token. */
export const scopeToken = z.string().regex(/^[\x21\x23-\x5B\x5D-\x7E]{1,200}$/, {
  message: 'must be a scope token of RFC 6749: printable, without spaces, quotes and backslashes',
});

export const scopes = z
  .array(scopeToken)
  .max(100)
  .transform((list) => [...new Set(list)].sort());

/** An absolute http(s) URL; which hosts are allowed is decided by libs/outbound. */
export const webUrl = z
  .string()
  .max(2048)
  .refine((value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol), {
    message: 'must be an absolute http or https URL',
  });

/** Whether a browser may be sent there with something that is about a person. */
export function isPageAddress({ protocol, hostname, username, password }: URL): boolean {
  const loopback = ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
  return (protocol === 'https:' || loopback) && `${username}${password}` === '';
}

/** A claim by name, or by RFC 6901 pointer when it begins with `/`. */
export const claimName = z.string().min(1).max(200);

/** One live secret, or two while it is being rotated; write-only. */
export const writeOnlySecret = z.union([
  z.string().min(1).max(16_384),
  z.array(z.string().min(1).max(16_384)).min(1).max(2),
]);
