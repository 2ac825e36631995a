import { createHash, createPrivateKey, hkdfSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import type { MessageKey } from '#lib/sealing/message';

/** The gateway's private keys: the first signs its assertions, all of them open what was sealed. */
export interface GatewayKeys {
  readonly signing: {
    readonly key: KeyObject;
    readonly algorithm: string;
    readonly keyId: string | undefined;
  };
  /** The first seals; replicas with the same keys agree. */
  readonly sealing: readonly [MessageKey, ...MessageKey[]];
}

const privateJwk = z.looseObject({
  kty: z.enum(['EC', 'OKP', 'RSA']),
  d: z.string().min(32),
  kid: z.string().optional(),
  alg: z.string().optional(),
  crv: z.string().optional(),
});
type PrivateJwk = z.output<typeof privateJwk>;
const keySet = z.union([
  z.object({ keys: z.array(privateJwk).nonempty() }).transform(({ keys }) => keys),
  privateJwk.transform((key): [PrivateJwk, ...PrivateJwk[]] => [key]),
]);

const curveAlgorithms: Readonly<Record<string, string>> = {
  'P-256': 'ES256',
  'P-384': 'ES384',
  'P-521': 'ES512',
  Ed25519: 'EdDSA',
};

/** Keys of `npm start` are published in the repository's trial data: their `kid` gives them away. */
export function isTrialKey(text: string): boolean {
  const parsed = keySet.safeParse(parsedJson(text));
  return parsed.success && parsed.data.some((key) => key.kid?.startsWith('trial-') === true);
}

/** Reads a private JWK, or a JWKS of them; a sentence that names no key material where it cannot. */
export function gatewayKeys(text: string): GatewayKeys | string {
  const parsed = keySet.safeParse(parsedJson(text));
  if (!parsed.success) return 'must be a private JWK (EC, OKP or RSA), or a JWKS of them, as JSON';
  const [first, ...others] = parsed.data;
  const algorithm = first.alg ?? (first.kty === 'RSA' ? 'RS256' : curveAlgorithms[first.crv ?? '']);
  if (algorithm === undefined)
    return 'the first key has a curve that signs nothing here: use P-256 or Ed25519';
  try {
    const key = createPrivateKey({ key: first, format: 'jwk' });
    return {
      signing: { key, algorithm, keyId: first.kid },
      sealing: [sealingKey(first), ...others.map(sealingKey)],
    };
  } catch {
    return 'the first key is not a complete private key';
  }
}

// The private exponent is the secret; the domain keeps this key apart from every other use of it.
function sealingKey({ d }: PrivateJwk): MessageKey {
  const secret = Buffer.from(d, 'base64url');
  const key = Buffer.from(hkdfSync('sha512', secret, '', 'symbolon/gateway/sealing/1', 32));
  const id = createHash('sha256')
    .update('symbolon/gateway/key-id/1')
    .update(key)
    .digest()
    .subarray(0, 16);
  return { id, key };
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
