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

/** What a call may be lent: for whom, with which scopes and, where it is made from the caller's own token, from which. */
export interface Wanted extends Use {
  readonly scopes: readonly string[];
  readonly source: string | undefined;
}

type Person = Pick<Caller, 'issuer' | 'subject' | 'person'>;

/**
 * A person as a key: slugs hold no NUL, so nothing collides. Joined and no template: that is a tree of its parts for as long
 * as it is kept, five times as large.
 */
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

/** Without a key of all of it: this is made for each call, and compared with what its person has. */
export function wantedOf(request: CredentialRequest): Wanted {
  const { caller, upstream, token } = request;
  return {
    person: personKey(caller),
    application: caller.application,
    upstream: upstream.slug,
    scopes: scopesOf(request),
    source: isFederated(upstream) ? hash('sha256', token, 'base64url') : undefined,
  };
}

/** One key per person, application, upstream and scope set; the length keeps foreign strings apart. */
export function useKey({ person, application, upstream, scopes, source = '' }: Wanted): string {
  return [upstream, scopes.join(' '), source, person.length, person, application].join('\0');
}
