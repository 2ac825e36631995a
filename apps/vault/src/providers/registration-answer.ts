import { z } from 'zod';
import { Secret } from '#lib/secret/secret';
import type { Registration } from './registration.js';

const text = z.string().min(1).max(16_384);

const information = z.object({
  client_id: z.string().min(1).max(2_048),
  client_secret: text.optional(),
  // RFC 7591 §3.2.1: 0 means never.
  client_secret_expires_at: z.number().nonnegative().optional(),
  registration_access_token: text.optional(),
  registration_client_uri: z
    .string()
    .max(2_048)
    .refine((url) => URL.canParse(url))
    .optional(),
  token_endpoint_auth_method: z
    .enum(['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'])
    .optional(),
});

const refusal = z.object({ error: z.string().regex(/^[a-z_]{1,60}$/) });

type Asked = Pick<Registration, 'authorizationServer' | 'clientAuth'>;

/** RFC 7591 §3.2: what a registration came to; `detail` is public and quotes only codes of the RFCs. */
export function readRegistration(
  answer: { readonly status: number; readonly text: string },
  asked: Asked,
): { readonly ok: true; readonly registration: Registration } | { ok: false; detail: string } {
  const { status } = answer;
  const json = jsonOf(answer.text);
  if (status !== 200 && status !== 201) return { ok: false, detail: refusedBecause(status, json) };
  const parsed = information.safeParse(json);
  if (!parsed.success)
    return { ok: false, detail: 'The registration endpoint answered something unusable.' };
  const { data } = parsed;
  const clientAuth = data.token_endpoint_auth_method ?? asked.clientAuth;
  if (clientAuth.startsWith('client_secret') && data.client_secret === undefined)
    return { ok: false, detail: 'The authorization server registered us, but gave no secret.' };
  return {
    ok: true,
    registration: {
      authorizationServer: asked.authorizationServer,
      clientId: data.client_id,
      clientAuth,
      clientSecret: secretOf(data.client_secret),
      clientSecretExpiresAt: data.client_secret_expires_at || undefined,
      registrationAccessToken: secretOf(data.registration_access_token),
      registrationClientUri: data.registration_client_uri,
    },
  };
}

function secretOf(value: string | undefined): Secret | undefined {
  return value === undefined ? undefined : new Secret(value);
}

function refusedBecause(status: number, json: unknown): string {
  const said = refusal.safeParse(json);
  const code = said.success ? ` ${said.data.error}` : '';
  if (status === 401 || status === 403)
    return `The registration endpoint answered ${status}${code}: it wants to know who registers. Register by hand (registration static).`;
  if (said.success && said.data.error === 'invalid_redirect_uri')
    return `The registration endpoint answered ${status}${code}: it does not take our redirect URI.`;
  return `The registration endpoint answered ${status}${code}.`;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
