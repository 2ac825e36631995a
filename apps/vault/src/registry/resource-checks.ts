import type { Outbound } from '#lib/outbound/outbound';
import type { FieldError } from '#lib/problem/problem';
import { checkOAuthClient, type OAuthClientJson } from './check-oauth-client.js';
import type { CheckedDocument } from './checked-document.js';
import type { Collection } from './domain/collection.js';
import type { Issuer } from './domain/issuer.js';
import type { JsonObject } from './domain/json.js';
import { discover } from './discover-issuer.js';

/** What a document's addresses answer, asked before it is saved; the only calls that saving makes. */
export class ResourceChecks {
  constructor(
    private readonly outbound: Outbound,
    /** The vault's own `iss`. */
    private readonly ownIssuer: string,
  ) {}

  async check(
    collection: Collection<object>,
    document: JsonObject,
    before: JsonObject | undefined,
  ): Promise<CheckedDocument> {
    const errors = await this.#addressErrors(collection, document);
    if (errors.length > 0) return { document, errors, warnings: [] };
    if (collection.name === 'issuers')
      return this.#checkIssuer(document as Issuer, before as Issuer | undefined);
    if (collection.name === 'oauth-clients')
      return checkOAuthClient(
        this.outbound,
        document as OAuthClientJson,
        before as OAuthClientJson | undefined,
      );
    return { document, errors: [], warnings: [] };
  }

  async #addressErrors(collection: Collection<object>, document: object): Promise<FieldError[]> {
    const refusals = await Promise.all(
      collection.calledUrls(document).map(async ({ pointer, url }) => {
        const refusal = await this.outbound.checkAddress(url);
        return refusal ? [{ pointer, code: refusal.code, detail: refusal.detail }] : [];
      }),
    );
    return refusals.flat();
  }

  async #checkIssuer(document: Issuer, before: Issuer | undefined): Promise<CheckedDocument> {
    const own = ownNameErrors(document, this.ownIssuer);
    if (own.length > 0) return { document, errors: own, warnings: [] };
    const known = before !== undefined && before.jwksUri === document.jwksUri;
    if (known && document.jwksUri !== undefined) return { document, errors: [], warnings: [] };
    const found = await discover(this.outbound, document.issuer);
    if (!found.ok) return undiscovered(document, found, before?.jwksUri);
    const jwksUri = document.jwksUri ?? found.metadata.jwks_uri;
    const types = found.metadata.subject_types_supported;
    const errors: FieldError[] = [];
    if (types !== undefined && !types.includes('public') && document.subjectClaim === 'sub')
      errors.push(pairwise);
    if (jwksUri === undefined) errors.push(keyless);
    else errors.push(...(await this.#jwksErrors(jwksUri)));
    return { document: { ...document, jwksUri }, errors, warnings: [] };
  }

  async #jwksErrors(jwksUri: string): Promise<FieldError[]> {
    const refusal = await this.outbound.checkAddress(jwksUri);
    return refusal ? [{ pointer: '/jwksUri', code: refusal.code, detail: refusal.detail }] : [];
  }
}

function undiscovered(
  document: Issuer,
  found: { unreachable: boolean; detail: string },
  storedJwksUri: string | undefined,
): CheckedDocument {
  // With its keys given, or known from before, an issuer that is away for the moment can be saved.
  const jwksUri = document.jwksUri ?? storedJwksUri;
  if (found.unreachable && jwksUri !== undefined)
    return { document: { ...document, jwksUri }, errors: [], warnings: [found.detail] };
  const code = found.unreachable ? 'discovery-failed' : 'discovery-invalid';
  return { document, errors: [{ pointer: '/issuer', code, detail: found.detail }], warnings: [] };
}

/** A corporate issuer of our own name would speak for the people of every other. */
function ownNameErrors(
  { issuer, alsoIssuedAs, formerly }: Pick<Issuer, 'issuer' | 'alsoIssuedAs' | 'formerly'>,
  ownIssuer: string,
): FieldError[] {
  const own = ownIssuer.replace(/\/$/, '');
  const isOwn = (name: string) => name.replace(/\/$/, '') === own;
  const places = [
    ...(isOwn(issuer) ? ['/issuer'] : []),
    ...alsoIssuedAs.flatMap((name, i) => (isOwn(name) ? [`/alsoIssuedAs/${i}`] : [])),
    ...formerly.flatMap((former, i) => (isOwn(former.issuer) ? [`/formerly/${i}/issuer`] : [])),
  ];
  return places.map((pointer) => ({ pointer, code: 'own-issuer', detail: ownIssuerDetail }));
}

const ownIssuerDetail =
  'This is the name of the vault itself, whose tokens speak for the people of every issuer. Register the corporate identity provider.';

const pairwise: FieldError = {
  pointer: '/subjectClaim',
  code: 'pairwise-subject',
  detail:
    'This issuer gives a person another sub for each client. Name a claim that is the same in all its tokens and never changes, such as oid.',
};

const keyless: FieldError = {
  pointer: '/jwksUri',
  code: 'required',
  detail: 'The metadata of this issuer names no jwks_uri. Give the address of its keys.',
};
