import { type CryptoKey, SignJWT } from 'jose';

export interface PageBackend {
  /** Public URL of the vault. */
  readonly vault: string;
  /** Slug of the machine client of kind `external`. */
  readonly client: string;
  /** Private half of the key that is registered for it. */
  readonly key: CryptoKey;
  readonly keyId: string;
}

export interface Asked {
  readonly status: 'pending' | 'confirming' | 'completed' | 'declined' | 'expired';
  readonly upstream: string;
  readonly upstream_name: string;
  /** Who asks; null where the person connects ahead of need. */
  readonly application: string | null;
  readonly expires_in: number;
  /** Where to send the person afterwards. */
  readonly return_uri: string;
}

/** What the page is asked for. Undefined unless the person has allowed it at the vault. */
export async function whatIsAsked(backend: PageBackend, id: string): Promise<Asked | undefined> {
  const response = await call(backend, id);
  return response.status === 404 ? undefined : ((await response.json()) as Asked);
}

/** Hands the token over for the person whom this page signed in itself; answers where to send their browser. */
export async function handOver(
  backend: PageBackend,
  id: string,
  /** `iss` and `sub` (or the claim that the vault is set to) of the page's own sign-in: never what the browser says. */
  signedIn: { readonly issuer: string; readonly subject: string },
  token: string,
): Promise<string> {
  const response = await call(backend, `${id}/token`, { subject: signedIn, token });
  const answer = (await response.json()) as { return_uri?: string; detail?: string };
  if (answer.return_uri === undefined) throw new Error(`${response.status}: ${answer.detail}`);
  return answer.return_uri;
}

async function call(backend: PageBackend, path: string, body?: object): Promise<Response> {
  return fetch(`${backend.vault}/external/v1/interactions/${path}`, {
    headers: {
      authorization: `Bearer ${await assertion(backend)}`,
      'content-type': 'application/json',
    },
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
  });
}

/** RFC 7523 §3, at most a minute long. */
function assertion({ vault, client, key, keyId }: PageBackend): Promise<string> {
  return new SignJWT()
    .setProtectedHeader({ alg: 'ES256', kid: keyId })
    .setIssuer(client)
    .setSubject(client)
    .setAudience(vault)
    .setIssuedAt()
    .setExpirationTime('60s')
    .sign(key);
}
