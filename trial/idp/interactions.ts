import type { IncomingMessage, ServerResponse } from 'node:http';
import type Provider from 'oidc-provider';
import type { Interaction } from 'oidc-provider';
import { consentPage, errorPage, loginPage } from '../pages/idp-pages.js';
import { readBody } from '#lib/testing/local-server';
import { grantRequested, pagePolicy } from './create-provider.js';
import type { IdpConfig } from './idp-config.js';
import type { Account } from './people.js';

type Details = InstanceType<typeof Interaction>;

interface Desk {
  readonly provider: Provider;
  readonly config: IdpConfig;
  readonly people: readonly Account[];
}

/** The login and consent pages: `GET /interaction/{uid}`, then `POST …/login`, `…/confirm` or `…/abort`. */
export async function serveInteraction(
  desk: Desk,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const step = new URL(request.url ?? '/', desk.config.issuer).pathname.split('/')[3];
  let details: Details;
  try {
    details = await desk.provider.interactionDetails(request, response);
  } catch {
    return page(response, 400, errorPage(desk.config.kind, 'session_not_found'));
  }
  if (request.method === 'GET' && step === undefined) return showPrompt(desk, details, response);
  if (request.method !== 'POST')
    return page(response, 404, errorPage(desk.config.kind, 'not_found'));
  if (step === 'login') return signIn(desk, details, request, response);
  if (step === 'confirm') return confirm(desk, details, request, response);
  await desk.provider.interactionFinished(
    request,
    response,
    { error: 'access_denied', error_description: 'the person cancelled' },
    { mergeWithLastSubmission: false },
  );
}

async function showPrompt(desk: Desk, details: Details, response: ServerResponse): Promise<void> {
  const { uid, params, session, prompt } = details;
  const client = await clientName(desk, params['client_id']);
  if (prompt.name === 'login') {
    const hint = typeof params['login_hint'] === 'string' ? { hint: params['login_hint'] } : {};
    const { kind } = desk.config;
    return page(response, 200, loginPage({ kind, uid, people: desk.people, client, ...hint }));
  }
  const account = desk.people.find((p) => p.subject === session?.accountId)?.login ?? '';
  const html = consentPage({
    kind: desk.config.kind,
    uid,
    client,
    account,
    scopes: words(params['scope']),
    resources: [params['resource']].flat().filter((r) => typeof r === 'string'),
  });
  page(response, 200, html);
}

async function signIn(
  desk: Desk,
  details: Details,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const form = new URLSearchParams(await readBody(request));
  const login = (form.get('login') ?? '').trim();
  const person = desk.people.find((p) => p.login === login && form.get('password') === p.login);
  if (person === undefined) {
    const client = await clientName(desk, details.params['client_id']);
    const { kind } = desk.config;
    const asked = { kind, uid: details.uid, people: desk.people, client, failedLogin: login };
    return page(response, 401, loginPage(asked));
  }
  await desk.provider.interactionFinished(
    request,
    response,
    { login: { accountId: person.subject } },
    { mergeWithLastSubmission: false },
  );
}

/** Each consent is a grant of its own: revoking one connection leaves the others of that client alone. */
async function confirm(
  desk: Desk,
  { params, session }: Details,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const grant = new desk.provider.Grant({
    accountId: session?.accountId,
    clientId: String(params['client_id']),
  });
  grantRequested(grant, params);
  await desk.provider.interactionFinished(
    request,
    response,
    { consent: { grantId: await grant.save() } },
    { mergeWithLastSubmission: true },
  );
}

async function clientName(desk: Desk, clientId: unknown): Promise<string> {
  const client = await desk.provider.Client.find(String(clientId));
  return client?.clientName ?? String(clientId);
}

function words(value: unknown): string[] {
  return typeof value === 'string' ? value.split(' ').filter((word) => word !== '') : [];
}

function page(response: ServerResponse, status: number, html: string): void {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy': pagePolicy,
    'referrer-policy': 'same-origin',
    'x-content-type-options': 'nosniff',
  });
  response.end(html);
}
