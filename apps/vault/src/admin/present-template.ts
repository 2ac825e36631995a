import type { JsonObject } from '../registry/domain/json.js';
import type { Template } from '../templates/template.js';

/** A template as an administrator needs it: what to give here, what to type at the provider, what it puts right. */
export function presentTemplate(template: Template): JsonObject {
  const { name, title, docs, register, scopesHint, scopes, quirks, variables, needs } = template;
  const { clientAuth, refresh, inject, metadata } = template;
  return {
    name,
    title,
    docs,
    register,
    variables,
    needs,
    clientAuth: clientAuth.method,
    scopes,
    scopesHint,
    quirks,
    refresh: factsOf(refresh),
    keeps: [
      ...Object.keys(metadata.callback),
      ...Object.keys(metadata.tokenResponse),
      ...metadata.postConnect.flatMap(({ take }) => Object.keys(take)),
    ],
    ...(inject ? { inject } : {}),
  };
}

function factsOf({
  params: _params,
  rename: _rename,
  grant: _grant,
  ...facts
}: Template['refresh']) {
  return facts;
}
