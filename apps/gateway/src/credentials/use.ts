import { hash } from 'node:crypto';
import type { UpstreamConfig } from '#lib/contract/config-snapshot';
import type { Caller } from '#lib/jwt/caller';
import type { CredentialRequest } from './credentials.js';

/** Whose token it is, and for whom it was borrowed. */
export interface Use {
  readonly person: string;
  readonly application: string;
  readonly upstream: string;
}

// Keys are joined, not templates: those are trees of their parts for as long as they are kept, five times as large.

type Person = Pick<Caller, 'issuer' | 'subject' | 'person'>;

/** A person as a key: slugs hold no NUL, so nothing collides. */
export function personKey({ issuer, subject, person }: Person): string {
  return person ?? [issuer, subject].join('\0');
}

/** What the exchange asks for: the upstream's own scopes, and those that this call needs beside them. */
export function scopesOf({ upstream, scopes }: CredentialRequest): readonly string[] {
  const own = upstream.credential.type === 'none' ? [] : upstream.credential.scopes;
  return scopes === undefined ? own : [...new Set([...own, ...scopes])].sort();
}

/** Whether what is borrowed is made from the caller's own token, and stands and falls with it. */
export function isFederated({ credential }: UpstreamConfig): boolean {
  return credential.type === 'token-exchange';
}

/** One key per person, application, upstream and scope set; lengths keep foreign strings apart. */
export function useKey(request: CredentialRequest): string {
  const { upstream, token } = request;
  const key = personalKey(request);
  return isFederated(upstream) ? [key, hash('sha256', token, 'base64url')].join('\0') : key;
}

function personalKey(request: CredentialRequest): string {
  const { caller, upstream } = request;
  const { issuer, subject, application } = caller;
  const scopes = scopesOf(request).join(' ');
  return [issuer, upstream.slug, scopes, subject.length, subject, application].join('\0');
}
