import type { FieldError } from '#lib/problem/problem';
import type { UpstreamDocument } from './upstream.js';

const personal = new Set(['oauth', 'user-token', 'external']);

// Where nothing of a person is stored there is nothing to agree to as they sign in.
/** Consent at sign-in is for credentials that are a person's own. */
export function signInRules({ consentAtSignIn, credential }: UpstreamDocument): FieldError[] {
  if (consentAtSignIn !== true || personal.has(credential.type)) return [];
  return [
    {
      pointer: '/consentAtSignIn',
      code: 'no-consent',
      detail: `A credential of the type ${credential.type} needs no consent of a person. Leave this member out.`,
    },
  ];
}

/** What an administrator should know who asks for scopes there. */
export function signInWarnings({ consentAtSignIn, access, tools }: UpstreamDocument): string[] {
  const { default: _, ...rules } = tools ?? { default: 'allow' };
  const asks = [access, ...Object.values(rules)].some(({ scopes }) => scopes.length > 0);
  if (consentAtSignIn !== true || !asks) return [];
  return [
    'Where people consent as they sign in, the scopes that these rules ask for are what they allow a client, on our page; your identity provider is not asked. Who may do what, say in claims.',
  ];
}
