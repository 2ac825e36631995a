import { z } from 'zod';
import { Secret } from '#lib/secret/secret';

/** `SYMBOLON_MODE`: what addresses are allowed, and whether trial keys are. */
export const mode = z
  .enum(['production', 'development'])
  .default('production')
  .describe('production: https and public addresses only; development: adds http and loopback');

export type Mode = z.output<typeof mode>;

export const port = z.coerce.number().int().min(1).max(65_535);

export const secret = z
  .string()
  .min(1)
  .transform((value) => new Secret(value));

export const logLevel = z
  .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
  .default('info')
  .describe('least severe level that is logged');

/** `scheme://host:port` entries, comma separated, that outbound calls may reach although special. */
export const outboundAllow = z
  .string()
  .default('')
  .transform((list) =>
    list
      .split(',')
      .map((entry) => entry.trim())
      .filter(Boolean),
  )
  .describe('scheme://host:port, comma separated: special addresses that outbound calls may reach');

/** An origin without path, as browsers and tokens see it. */
export const publicUrl = z
  .string('is required: an origin such as https://vault.example.com')
  .refine((value) => URL.canParse(value) && new URL(value).origin === value, {
    message: 'must be an origin such as https://vault.example.com, without a path or a final slash',
  });

/** The rule that ties a public URL to the mode: https in production, loopback in development. */
export function publicUrlProblem(url: string, chosen: Mode): string | undefined {
  const { protocol, hostname } = new URL(url);
  const loopback = hostname === 'localhost' || hostname === '[::1]' || /^127\./.test(hostname);
  if (chosen === 'production' && protocol !== 'https:') return 'must be https in production';
  if (chosen === 'development' && !loopback)
    return 'must be a loopback address in development; set SYMBOLON_MODE=production to serve others';
  return undefined;
}
