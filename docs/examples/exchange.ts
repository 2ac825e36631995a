import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CryptoKey, SignJWT } from 'jose';

export interface Service {
  /** Public URL of the vault. */
  readonly vault: string;
  /** Slug of the machine client. */
  readonly client: string;
  /** Private half of the key that is registered for it. */
  readonly key: CryptoKey;
  readonly keyId: string;
}

interface Answer {
  readonly access_token?: string;
  readonly error?: string;
  readonly error_description?: string;
  readonly interaction_uri?: string;
  readonly interaction_id?: string;
  readonly interval?: number;
}

/** A person's own token for an upstream. Where they have not agreed yet, `ask` shows them the link. */
export async function upstreamToken(
  service: Service,
  wanted: { readonly subjectToken: string; readonly upstream: string },
  ask: (link: string) => void,
): Promise<string> {
  for (;;) {
    const answer = await exchange(service, wanted);
    if (answer.access_token !== undefined) return answer.access_token;
    if (answer.error !== 'interaction_required' || answer.interaction_uri === undefined)
      throw new Error(`${answer.error}: ${answer.error_description}`);
    ask(answer.interaction_uri);
    await untilAnswered(service, answer);
  }
}

async function exchange(
  service: Service,
  { subjectToken, upstream }: { readonly subjectToken: string; readonly upstream: string },
): Promise<Answer> {
  const response = await fetch(`${service.vault}/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: await assertion(service),
      subject_token: subjectToken,
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      audience: upstream,
    }),
  });
  if (response.status !== 503) return (await response.json()) as Answer;
  await sleep(1000 * Number(response.headers.get('retry-after') ?? 1));
  return exchange(service, { subjectToken, upstream });
}

async function untilAnswered(service: Service, asked: Answer): Promise<void> {
  for (;;) {
    await sleep(1000 * (asked.interval ?? 5));
    const response = await fetch(`${service.vault}/interactions/${asked.interaction_id}`, {
      headers: { authorization: `Bearer ${await assertion(service)}` },
    });
    const { status } = (await response.json()) as { readonly status?: string };
    if (status === 'completed') return;
    if (status !== 'pending') throw new Error(`The request for consent is ${status ?? 'gone'}.`);
  }
}

/** RFC 7523 §3; one may be used again while it lives. */
function assertion({ vault, client, key, keyId }: Service): Promise<string> {
  return new SignJWT({ jti: randomUUID() })
    .setProtectedHeader({ alg: 'ES256', kid: keyId })
    .setIssuer(client)
    .setSubject(client)
    .setAudience(vault)
    .setIssuedAt()
    .setExpirationTime('60s')
    .sign(key);
}
