import type { ConsentRequest } from './consent-requests.js';

/** Whether the person has allowed what is asked now, and a page of the company's own is to bring the token. */
export function isAllowedElsewhere({ interaction, way, needsTrip }: ConsentRequest): boolean {
  const { status, version, allowedVersion } = interaction;
  return way === 'page' && needsTrip && status === 'pending' && allowedVersion === version;
}

/** The company's page for this request, only once it is allowed. Its own query and fragment stay as they are. */
export function externalPage(request: ConsentRequest): URL | undefined {
  const { credential } = request.upstream.document;
  if (credential.type !== 'external' || !isAllowedElsewhere(request)) return undefined;
  const url = new URL(credential.url);
  url.search = withId(url.search, request.interaction.id);
  return url;
}

// The second is what other gateways call it.
const names = ['interaction_id', 'elicitation_id'];

/** Byte for byte what the address had, but for these names: a second value would leave it to the page which one counts. */
function withId(search: string, id: string): string {
  const own = search.replace(/^\?/, '').split('&');
  const kept = own.filter((part) => part !== '' && !names.includes(part.split('=')[0] ?? ''));
  return [...kept, ...names.map((name) => `${name}=${id}`)].join('&');
}
