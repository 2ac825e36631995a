import type { Template } from './template.js';

/** Where an oauth client says that its server is; nothing, where its template says it. */
export interface OwnAddresses {
  readonly issuer?: string | undefined;
  readonly endpoints?: { readonly token: string } | undefined;
}

/**
 * The template for a server at these addresses. At a government cloud, or an instance of one's own, it keeps what is
 * peculiar, and none of its own addresses: tokens and secrets of that server are not the public one's business (row 34).
 */
export function templateFor(template: Template, { issuer, endpoints }: OwnAddresses): Template {
  const own = originOf(endpoints?.token ?? issuer);
  const known = [template.endpoints?.token, template.issuer].map(originOf);
  if (own === undefined || known.includes(own) || known.every((one) => one === undefined))
    return template;
  const { account, metadata } = template;
  return {
    ...template,
    endpoints: template.endpoints && {
      authorization: template.endpoints.authorization,
      token: template.endpoints.token,
    },
    account: account?.from === 'request' ? undefined : account,
    metadata: { ...metadata, postConnect: [] },
    revoke: undefined,
  };
}

function originOf(url: string | undefined): string | undefined {
  return url !== undefined && URL.canParse(url) ? new URL(url).origin : undefined;
}
