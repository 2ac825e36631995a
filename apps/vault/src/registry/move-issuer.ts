import type { Clock } from '#lib/clock/clock';
import { IssuerKeys } from '#lib/jwt/issuer-keys';
import type { JwksCache } from '#lib/jwt/jwks-cache';
import type { Outbound } from '#lib/outbound/outbound';
import { OutboundError } from '#lib/outbound/outbound-error';
import { type FieldError, Problem } from '#lib/problem/problem';
import type { ChangeReport, IssuerMove } from './change-request.js';
import { collections } from './collections.js';
import { discover } from './discover-issuer.js';
import type { Issuer } from './domain/issuer.js';
import { namesOf } from './domain/issuer-collection.js';
import type { ChangeAuthority } from './registry-effects.js';
import type { Registry, RegistrySnapshot } from './registry-snapshot.js';
import type { RegistryWriter } from './registry-writer.js';

export interface MoveIssuerParts {
  readonly registry: Pick<Registry, 'refresh'>;
  readonly outbound: Pick<Outbound, 'request'>;
  readonly keys: Pick<JwksCache, 'keysAt'>;
  readonly clock: Clock;
  readonly writer: Pick<RegistryWriter, 'change'>;
}

export interface MoveWish {
  /** The issuer's new identifier, byte for byte. */
  readonly to: string;
  /** For how long tokens of the old name count yet; seconds. */
  readonly acceptSeconds: number;
  /** Go on although no key of before signs at the new URL. */
  readonly confirmNewKeys: boolean;
}

export interface MoveOptions {
  readonly dryRun: boolean;
  readonly ifMatch?: string | undefined;
}

export interface Moved {
  readonly report: ChangeReport;
  readonly move: IssuerMove;
}

/**
 * The same directory under another URL. The resource stays, and with it everything that is keyed by (issuer, subject):
 * no subject is ever mapped. Only whoever may decide whose tokens are believed may do it (row 10).
 */
export class MoveIssuer {
  constructor(private readonly parts: MoveIssuerParts) {}

  /** Throws Problem. */
  async move(
    slug: string,
    wish: MoveWish,
    authority: ChangeAuthority,
    options: MoveOptions,
  ): Promise<Moved> {
    if (!authority.bootstrap)
      throw new Problem(
        'forbidden',
        'Only the bootstrap token moves an issuer: it decides whose tokens are believed.',
      );
    const registry = await this.parts.registry.refresh();
    const issuer = registry.issuer(slug)?.document;
    if (issuer === undefined) throw new Problem('not-found', `There is no issuer "${slug}".`);
    refuseTaken(wish.to, slug, registry);
    if (wish.to === issuer.issuer)
      throw invalid('/to', 'unchanged', 'The issuer has this identifier already.');
    const jwksUri = await this.#jwksUriOf(wish.to);
    const sharedKeys = await this.#sharesKeys(issuer, jwksUri);
    if (!sharedKeys && !wish.confirmNewKeys) throw newKeys;
    const move = this.#moveOf(issuer, wish, sharedKeys);
    const body = bodyOf(issuer, move, jwksUri, this.parts.clock.now());
    const [report] = await this.parts.writer.change(
      [
        {
          collection: collections.issuers,
          method: 'patch',
          slug,
          body,
          move,
          ...matching(options),
        },
      ],
      authority,
      options,
    );
    if (report === undefined) throw new Error('A change was asked for and none reported.');
    return { report, move };
  }

  #moveOf(issuer: Issuer, { to, acceptSeconds }: MoveWish, sharedKeys: boolean): IssuerMove {
    const until = (this.parts.clock.now() + acceptSeconds) * 1000;
    const acceptUntil = acceptSeconds === 0 ? null : new Date(until).toISOString();
    return { from: issuer.issuer, to, acceptUntil, sharedKeys };
  }

  /** The new URL must say itself that it is this issuer (RFC 8414 §3.3). */
  async #jwksUriOf(to: string): Promise<string> {
    const found = await discover(this.parts.outbound, to);
    if (!found.ok)
      throw invalid(
        '/to',
        found.unreachable ? 'discovery-failed' : 'discovery-invalid',
        found.detail,
      );
    if (found.metadata.jwks_uri !== undefined) return found.metadata.jwks_uri;
    throw invalid('/to', 'discovery-invalid', 'The metadata of the new issuer names no jwks_uri.');
  }

  async #sharesKeys({ jwksUri: before }: Issuer, jwksUri: string): Promise<boolean> {
    const fresh = await this.#read(jwksUri);
    if (fresh === undefined)
      throw invalid('/to', 'keys-unreadable', 'The keys of the new issuer cannot be read.');
    const known = before === undefined ? undefined : await this.parts.keys.keysAt(before);
    const names = new Set((await known?.names()) ?? []);
    return (await fresh.names()).some((name) => names.has(name));
  }

  async #read(jwksUri: string): Promise<IssuerKeys | undefined> {
    try {
      const { status, body } = await this.parts.outbound.request(jwksUri);
      return status === 200 ? IssuerKeys.parse(body) : undefined;
    } catch (error) {
      if (error instanceof OutboundError) return undefined;
      throw error;
    }
  }
}

function refuseTaken(to: string, slug: string, { issuers }: RegistrySnapshot): void {
  const owner = issuers.find(
    ({ document }) => document.slug !== slug && namesOf(document).some(({ name }) => name === to),
  );
  if (owner)
    throw new Problem(
      'conflict',
      `The issuer "${owner.document.slug}" already stands for this name: its people would become those of "${slug}".`,
    );
}

function bodyOf(issuer: Issuer, move: IssuerMove, jwksUri: string, now: number) {
  const { from, to, acceptUntil, sharedKeys } = move;
  const oldKeys = sharedKeys || issuer.jwksUri === undefined ? {} : { jwksUri: issuer.jwksUri };
  const living = issuer.formerly.filter(
    (former) => former.issuer !== to && Date.parse(former.acceptUntil) / 1000 > now,
  );
  return {
    issuer: to,
    jwksUri,
    alsoIssuedAs: issuer.alsoIssuedAs.filter((name) => name !== to),
    formerly:
      acceptUntil === null ? living : [...living, { issuer: from, acceptUntil, ...oldKeys }],
  };
}

function matching({ ifMatch }: MoveOptions) {
  return ifMatch === undefined ? {} : { ifMatch };
}

function invalid(pointer: string, code: string, detail: string): Problem {
  const errors: FieldError[] = [{ pointer, code, detail }];
  return new Problem('validation-failed', 'The issuer was not moved.', { errors });
}

const newKeys = invalid(
  '/confirmNewKeys',
  'new-keys',
  'No key that signs at the new URL is one of those that signed before, or those cannot be read any more. If this is the same directory and its keys were changed, repeat with confirmNewKeys.',
);
