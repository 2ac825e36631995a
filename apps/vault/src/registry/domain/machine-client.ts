import { z } from 'zod';
import { slug, webUrl } from './names.js';

const jwks = z.strictObject({
  keys: z
    .array(
      z
        .looseObject({ kty: z.enum(['RSA', 'EC', 'OKP']) })
        .refine((key) => !('d' in key) && !('k' in key), {
          message:
            'must be a public key: remove d and the other private members, and make a new key',
        }),
    )
    .min(1)
    .max(10),
});

/** `machine-clients`: who may exchange tokens: gateways and services, by private_key_jwt. */
export const machineClient = z
  .strictObject({
    slug,
    kind: z.enum(['gateway', 'service']),
    publicUrl: webUrl.optional(),
    audiences: z.array(z.string().min(1).max(500)).max(20).default([]),
    jwks: jwks.optional(),
    jwksUri: webUrl.optional(),
    /** Slugs of the upstreams it may use; `*` for all. */
    upstreams: z.union([z.literal('*'), z.array(slug).max(1000)]).default([]),
  })
  .refine((value) => (value.jwks === undefined) !== (value.jwksUri === undefined), {
    path: ['jwks'],
    message: 'give exactly one of jwks and jwksUri',
  })
  .refine((value) => value.kind !== 'gateway' || value.publicUrl !== undefined, {
    path: ['publicUrl'],
    message: 'a gateway needs the public URL that its callers use',
  });
export type MachineClient = z.output<typeof machineClient>;
