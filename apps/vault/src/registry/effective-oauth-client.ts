import type { FieldError } from '#lib/problem/problem';
import { templateNamed } from '../templates/catalogue.js';
import { addressesOf, fillTemplate } from '../templates/fill-template.js';
import type { Template } from '../templates/template.js';
import { templateFor } from '../templates/template-for.js';
import type { CalledUrl } from './domain/collection.js';
import { explainIssues } from './domain/explain-issues.js';
import { type OAuthClient, oauthClient } from './domain/oauth-client.js';
import type { TemplateResolution } from './domain/oauth-client-collection.js';
import type { OAuthClientDocument } from './domain/oauth-client-document.js';

/** Templates of the catalogue under the documents of oauth clients. */
export const templateResolution: TemplateResolution = { effective, faults, calledUrls };

type Templated = Pick<OAuthClientDocument, 'template' | 'variables' | 'issuer' | 'endpoints'>;

/** The template of a document with its variables filled in; undefined without one, or where it is faulty. */
export function filledTemplateOf(document: Templated): Template | undefined {
  const filled = filledOf(document);
  return filled && templateFor(filled, document);
}

function filledOf({ template: name, variables = {} }: Templated): Template | undefined {
  const found = name === undefined ? undefined : templateNamed(name);
  const filled = found && fillTemplate(found, variables);
  return filled?.ok ? filled.template : undefined;
}

/** With everything that its template gives. One whose template has gone since leads nowhere, and harms no other. */
export function effective(document: OAuthClientDocument): OAuthClient {
  const template = filledTemplateOf(document);
  if (template !== undefined) {
    const parsed = oauthClient.safeParse(merged(template, document));
    if (parsed.success) return parsed.data;
  }
  return oauthClient.parse(document.template === undefined ? document : nowhere(document));
}

function merged(template: Template, document: OAuthClientDocument): object {
  // What comes of itself is authenticated as the server says.
  const isStatic = (document.registration ?? 'static') === 'static';
  return {
    scopes: template.scopes,
    ...(usesTokenItself(template) ? { dpop: 'never' } : {}),
    clientAuth: isStatic ? template.clientAuth.method : 'auto',
    ...document,
    ...whereOf(template, document),
    authorizeParams: { ...template.authorize.params, ...document.authorizeParams },
    refresh: { ...refreshRulesOf(template), ...document.refresh },
  };
}

/** A template's own calls bear the token alone, without a proof. */
function usesTokenItself({ account, metadata, revoke }: Template): boolean {
  return (
    account?.from === 'request' ||
    metadata.postConnect.length > 0 ||
    revoke?.auth === 'bearer' ||
    revoke?.auth === 'header' ||
    revoke?.token === 'access'
  );
}

function nowhere({ slug, name, template, variables }: OAuthClientDocument): object {
  return { slug, name, template, variables, issuer: 'https://template.invalid' };
}

function whereOf(template: Template, { issuer, endpoints }: OAuthClientDocument) {
  if (issuer !== undefined) return { issuer, endpoints: undefined };
  if (endpoints !== undefined) return { endpoints: { ...template.endpoints, ...endpoints } };
  return { issuer: template.issuer, endpoints: template.endpoints };
}

function refreshRulesOf({ refresh }: Template) {
  const { idleSeconds, absoluteSeconds, earliestSeconds, marginSeconds, graceSeconds } = refresh;
  const { rotation } = refresh;
  return { idleSeconds, absoluteSeconds, earliestSeconds, marginSeconds, graceSeconds, rotation };
}

function faults(document: OAuthClientDocument): readonly FieldError[] {
  const { template: name, variables = {} } = document;
  if (name === undefined) return [];
  const found = templateNamed(name);
  if (found === undefined) return [noSuchTemplate];
  const filled = fillTemplate(found, variables);
  if (!filled.ok) return filled.errors;
  const template = templateFor(filled.template, document);
  if (usesTokenItself(template) && (document.dpop ?? 'never') !== 'never') return [noProofs];
  const missing = found.needs.filter((member) => document[member] === undefined);
  if (missing.length > 0) return missing.map(needed);
  const parsed = oauthClient.safeParse(merged(template, document));
  return parsed.success ? [] : explainIssues(parsed.error.issues, document);
}

function needed(member: string): FieldError {
  const detail = 'Is required: this template has no address of its own.';
  return { pointer: `/${member}`, code: 'required', detail };
}

const noProofs: FieldError = {
  pointer: '/dpop',
  code: 'invalid-value',
  detail: 'This template looks things up with the token alone: leave dpop out.',
};

const noSuchTemplate: FieldError = {
  pointer: '/template',
  code: 'unknown-reference',
  detail:
    'There is no such template. GET /admin/v1/templates lists them; or give endpoints instead.',
};

function calledUrls(document: OAuthClientDocument): readonly CalledUrl[] {
  const { issuer, endpoints, discoverFrom } = document;
  const own = [
    ...(discoverFrom === undefined ? [] : [{ pointer: '/discoverFrom', url: discoverFrom }]),
    ...(issuer === undefined ? [] : [{ pointer: '/issuer', url: issuer }]),
    ...Object.entries(endpoints ?? {}).flatMap(([name, url]) =>
      url === undefined ? [] : [{ pointer: `/endpoints/${name}`, url }],
    ),
  ];
  return [...own, ...templateUrls(document)];
}

function templateUrls(document: OAuthClientDocument): CalledUrl[] {
  const filled = filledOf(document);
  const raw = document.template === undefined ? undefined : templateNamed(document.template);
  if (filled === undefined || raw === undefined) return [];
  const from = addressesOf(raw);
  return addressesOf(filled).map(({ url }, index) => {
    const variable = from[index]?.variable;
    return { pointer: variable === undefined ? '/template' : `/variables/${variable}`, url };
  });
}
