import { z } from 'zod';

const client = z.looseObject({ client_id: z.string() });

/** What the supervisor tells one identity provider; a JSON file (0600), because it holds secrets. */
export const idpConfig = z.strictObject({
  kind: z.enum(['corporate', 'upstream']),
  port: z.number().int(),
  issuer: z.url(),
  /** Folder of its keys and of everything that it has issued. */
  stateDir: z.string(),
  /** Opens `/trial/…`, which exists for the tour and for tests. */
  controlToken: z.string().min(32),
  accessTokenTtl: z.number().int().positive(),
  /** RFC 8707 resources for which it issues access tokens; a trailing `/*` allows what is below. */
  resources: z.array(z.strictObject({ uri: z.string(), scopes: z.array(z.string()) })),
  clients: z.array(client),
  /** Client ids of the company itself, which need no consent page. */
  firstParty: z.array(z.string()),
});

export type IdpConfig = z.output<typeof idpConfig>;
