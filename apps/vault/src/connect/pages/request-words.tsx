import { Foreign } from '../../web/foreign.js';
import type { Visitor } from '../../web/page.js';
import { nobody } from '../consent-requests.js';
import type { ConsentRequest } from '../consent-requests.js';

export interface RequestPage {
  readonly request: ConsentRequest;
  readonly visitor: Visitor;
}

export function UpstreamName({ request }: { request: ConsentRequest }) {
  return <Foreign name={request.upstream.document.name} />;
}

export function ProviderName({ request }: { request: ConsentRequest }) {
  return <Foreign name={providerName(request)} />;
}

/** Who is asked for the token: the provider, a page of the company's own by its host, or the service itself. */
export function providerName({ oauthClient, upstream }: ConsentRequest): string {
  const { name, credential } = upstream.document;
  if (credential.type === 'external') return new URL(credential.url).host;
  return oauthClient?.document.name ?? name;
}

/** The application by the name that was checked, else by the id in its token; never by what it calls itself. */
export function ApplicationName({ request }: { request: ConsentRequest }) {
  return <Foreign name={request.application.name} />;
}

/** Whether a program asks, not the person on our own page. */
export function hasApplication({ interaction }: ConsentRequest): boolean {
  return interaction.application !== nobody;
}

/** What every form of a request carries: the session's token, and which version the page shows. */
export function FormSecrets({ request, visitor }: RequestPage) {
  return (
    <>
      <input type="hidden" name="csrf" value={visitor.csrfToken} />
      <input type="hidden" name="version" value={String(request.interaction.version)} />
    </>
  );
}

export function pathOfRequest(request: ConsentRequest): string {
  return `/requests/${request.interaction.id}`;
}

export function nameOfAccount(account: { subject: string; name: string | undefined } | undefined) {
  return account?.name ?? account?.subject;
}
