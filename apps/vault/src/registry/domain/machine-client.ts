import { z } from 'zod';
import { isPageAddress, slug, webUrl } from './names.js';

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

/** A Kubernetes service account, or whatever else brings a JWT of its own as the assertion (RFC 7523 §3). */
const workload = z.strictObject({
  /** The cluster's issuer, byte for byte as its tokens name it. */
  issuer: webUrl,
  /** `system:serviceaccount:<namespace>:<name>`. */
  subject: z.string().min(1).max(500),
  /** Where its keys are; left out, the metadata of the issuer says so. */
  jwksUri: webUrl.optional(),
});
export type Workload = z.output<typeof workload>;

const returnUri = webUrl.refine((value) => !URL.canParse(value) || isReturn(new URL(value)), {
  message: 'must be https, or http on a loopback address, without user, password and fragment',
});

function isReturn(url: URL): boolean {
  return isPageAddress(url) && url.hash === '';
}

/**
 * `machine-clients`: programs that prove themselves by private_key_jwt: gateways and services exchange tokens, the backend
 * of a page of the company's own (`external`) hands them over.
 */
export const machineClient = z
  .strictObject({
    slug,
    kind: z.enum(['gateway', 'service', 'external']),
    publicUrl: webUrl.optional(),
    audiences: z.array(z.string().min(1).max(500)).max(20).default([]),
    jwks: jwks.optional(),
    jwksUri: webUrl.optional(),
    workload: workload.optional(),
    /** Where a service may have people brought back, compared byte by byte (RFC 9700 §2.1). */
    returnUris: z.array(returnUri).max(20).optional(),
    /** Slugs of the upstreams it may use; `*` for all. */
    upstreams: z.union([z.literal('*'), z.array(slug).max(1000)]).default([]),
  })
  .refine(({ jwks: keys, jwksUri, workload: own }) => one(keys, jwksUri, own), {
    path: ['jwks'],
    message: 'give exactly one of jwks, jwksUri and workload',
  })
  .refine(({ kind, returnUris }) => returnUris === undefined || kind === 'service', {
    path: ['returnUris'],
    message: 'only a service has people brought back',
  })
  .refine((value) => value.kind !== 'gateway' || value.publicUrl !== undefined, {
    path: ['publicUrl'],
    message: 'a gateway needs the public URL that its callers use',
  });
export type MachineClient = z.output<typeof machineClient>;

function one(...given: readonly unknown[]): boolean {
  return given.filter((value) => value !== undefined).length === 1;
}
