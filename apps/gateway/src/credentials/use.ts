import type { CredentialRequest } from './credentials.js';

/** Whose token it is, and for whom it was borrowed. */
export interface Use {
  readonly person: string;
  readonly application: string;
  readonly upstream: string;
}

/** A person as a key: slugs hold no NUL, so nothing collides. */
export function personKey(person: { readonly issuer: string; readonly subject: string }): string {
  return `${person.issuer}\0${person.subject}`;
}

/** One key per person, application, upstream and scope set; lengths keep foreign strings apart. */
export function useKey({ caller, upstream }: CredentialRequest): string {
  const { issuer, subject, application } = caller;
  const scopes = upstream.credential.type === 'oauth' ? upstream.credential.scopes.join(' ') : '';
  return `${issuer}\0${upstream.slug}\0${scopes}\0${subject.length}\0${subject}\0${application}`;
}
