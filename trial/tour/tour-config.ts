import { z } from 'zod';

/** What the supervisor tells the tour; a JSON file (0600), because it holds secrets. */
export const tourConfig = z.strictObject({
  port: z.number().int(),
  /** Where browsers reach the tour. */
  origin: z.url(),
  gateway: z.url(),
  vault: z.url(),
  vaultMetrics: z.url(),
  corporateIdp: z.url(),
  upstreamIdp: z.url(),
  snowdemo: z.url(),
  helpdesk: z.url(),
  clientId: z.string(),
  clientSecret: z.string(),
  adminToken: z.string(),
  /** Opens `/trial/…` of the services and the supervisor's control port. */
  controlToken: z.string().min(32),
  /** Where the supervisor says how it can be reached. */
  controlFile: z.string(),
  /** For the look into the tables, which no part of the product offers. */
  databaseUrl: z.string(),
  /** Files and folders that hold what every process has written. */
  logs: z.array(z.string()),
});

export type TourConfig = z.output<typeof tourConfig>;
