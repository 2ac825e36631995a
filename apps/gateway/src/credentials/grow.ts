import type {
  BorrowedCredential,
  CredentialAnswer,
  CredentialRequest,
  Credentials,
} from './credentials.js';
import { scopesOf } from './use.js';

export type Growth =
  /** The person agreed already: another token to try, once. */
  | { readonly kind: 'replay'; readonly credential: BorrowedCredential }
  | { readonly kind: 'answer'; readonly answer: Exclude<CredentialAnswer, BorrowedCredential> }
  /** Nothing more can be had: a public sentence. */
  | { readonly kind: 'never'; readonly detail: string };

/**
 * The upstream says that the token it was sent lacks `missing`: borrow for the union with what the call had. Whether a
 * person is asked, the vault decides, by what was asked before and never by what was granted; so each union is
 * asked for once, and an upstream that still wants more is an error.
 */
export async function grow(
  credentials: Credentials,
  request: CredentialRequest,
  refused: BorrowedCredential,
  missing: readonly string[],
): Promise<Growth> {
  if (refused.brought === true) return never(request, missing, notTheirs);
  const had = scopesOf(request);
  if (missing.every((scope) => had.includes(scope))) return never(request, missing, alreadyAsked);
  const grown = { ...request, scopes: [...(request.scopes ?? []), ...missing] };
  const answer = await credentials.borrow(grown);
  if (answer.kind === 'credential')
    return valueOf(answer) === valueOf(refused)
      ? never(request, missing, alreadyAsked)
      : { kind: 'replay', credential: answer };
  if (answer.kind === 'forbidden') return never(request, missing, notOffered);
  if (answer.kind !== 'interaction') return { kind: 'answer', answer };
  if (request.interaction === 'none') return never(request, missing, 'which nobody has granted.');
  return { kind: 'answer', answer: { ...answer, scopes: grown.scopes } };
}

/** What the caller is told where the wider token was refused too. */
export function stillMissing(request: CredentialRequest, missing: readonly string[]): string {
  return sentence(request, missing, alreadyAsked);
}

const alreadyAsked =
  'which was asked for already: its provider did not grant it, or it means something else.';
const notTheirs = 'which the token that you sent for it does not have.';
const notOffered = 'which is not offered here: an administrator has to allow it.';

function valueOf({ header, query }: BorrowedCredential): string | undefined {
  return header?.[1] ?? query?.[1];
}

function never(request: CredentialRequest, missing: readonly string[], why: string): Growth {
  return { kind: 'never', detail: sentence(request, missing, why) };
}

function sentence({ upstream }: CredentialRequest, missing: readonly string[], why: string) {
  if (missing.length === 0) return `${upstream.name} asks for more permission and names none.`;
  return `${upstream.name} asks for the permission "${missing.join(' ')}", ${why}`;
}
