import { z } from 'zod';
import { contradictions, type OAuthClient, oauthClient } from './oauth-client.js';

/** As it is stored: what a template gives is left out, unless it is to be another. */
export type OAuthClientDocument = Pick<OAuthClient, 'slug' | 'name'> & Partial<OAuthClient>;

/** The same members without defaults: a default could not be told from a wish that overrides the template. */
const sparse = z.strictObject(
  Object.fromEntries(
    Object.entries(oauthClient.shape).map(([name, field]) => [name, withoutDefault(name, field)]),
  ),
);

export const oauthClientDocument: z.ZodType<OAuthClientDocument> = sparse
  .superRefine((document, context) => {
    const { template, variables, issuer, endpoints } = document;
    if (template === undefined && variables !== undefined)
      context.addIssue({ code: 'custom', path: ['variables'], message: 'need a template' });
    if (template !== undefined && issuer !== undefined && endpoints !== undefined)
      context.addIssue({ code: 'custom', path: ['issuer'], message: 'give issuer or endpoints' });
    if (template === undefined) return;
    for (const [path, message] of contradictions(document))
      if (path !== 'issuer') context.addIssue({ code: 'custom', path: [path], message });
  })
  .transform((document, context) => {
    if (document['template'] !== undefined) return document as OAuthClientDocument;
    // What is right then is seen in the server's metadata, when the document is saved.
    const chosen =
      (document['registration'] ?? 'static') === 'static' ? {} : { clientAuth: 'auto' };
    const whole = oauthClient.safeParse({ ...chosen, ...document });
    if (whole.success) return whole.data;
    for (const { path, message } of whole.error.issues)
      context.addIssue({ code: 'custom', path, message });
    return z.NEVER;
  });

function withoutDefault(name: string, field: z.ZodType): z.ZodType {
  if (name === 'slug' || name === 'name') return field;
  return field instanceof z.ZodDefault ? (field.unwrap() as z.ZodType).optional() : field;
}
