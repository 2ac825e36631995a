import { Problem } from '#lib/problem/problem';
import { renderProblemJson } from '#lib/problem/render';
import { OutboundError } from '#lib/outbound/outbound-error';
import type { CallResponse } from '../connection/exchange.js';
import type { BorrowedCredential, CredentialAnswer } from '../credentials/credentials.js';
import { wwwAuthenticate } from '../inbound/challenge.js';
import type { Refusal } from '../inbound/inbound.js';
import type { Limited } from '../limits/limited.js';
import { metadataUrl } from '../inbound/resource-metadata.js';
import type { PreparedUpstream } from '../upstreams/upstreams.js';

/** Answers a problem document, unless a head is out already: then the connection ends. */
export function writeProblem(response: CallResponse, problem: Problem, requestId: string): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { status, headers, body } = renderProblemJson(problem, requestId);
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

export function refusalProblem({ code, detail, headers }: Refusal): Problem {
  return new Problem(code, detail, { headers });
}

/** Why there is nothing to send with. */
export function credentialProblem(
  answer: Exclude<CredentialAnswer, BorrowedCredential>,
  publicUrl: string,
  resourcePath: string,
): Problem {
  switch (answer.kind) {
    case 'interaction': {
      const { uri, interactionId, expiresIn } = answer;
      const extra = { interaction_uri: uri, interaction_id: interactionId, expires_in: expiresIn };
      return new Problem('interaction-required', answer.message, { extra });
    }
    case 'invalid-token': {
      const challenge = wwwAuthenticate({
        error: 'invalid_token',
        description: answer.detail,
        scopes: [],
        resourceMetadata: metadataUrl(publicUrl, resourcePath),
      });
      return new Problem('invalid-token', answer.detail, {
        headers: { 'www-authenticate': challenge },
      });
    }
    case 'forbidden':
      return new Problem('forbidden', answer.detail);
    case 'unavailable': {
      const seconds = Math.max(1, Math.ceil(answer.retryAfterSeconds));
      return new Problem('temporarily-unavailable', answer.detail, {
        headers: { 'retry-after': `${seconds}` },
      });
    }
  }
}

const timeouts = new Set([
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'ETIMEDOUT',
]);

/** The upstream gave no answer. */
export function upstreamProblem(error: Error): Problem {
  const code = 'code' in error ? String(error.code) : '';
  if (timeouts.has(code))
    return new Problem('upstream-timeout', 'The service did not answer in time.', { cause: error });
  if (error instanceof OutboundError && error.code === 'refused-address')
    return new Problem(
      'upstream-unreachable',
      "The service's address may not be called from here.",
      { cause: error },
    );
  if (error instanceof OutboundError && error.code === 'busy')
    return new Problem(
      'temporarily-unavailable',
      'As many calls to this service are under way as may be.',
      { cause: error, headers: { 'retry-after': '1' } },
    );
  if (code.startsWith('HPE_') || error.name === 'HTTPParserError')
    return new Problem('upstream-invalid', 'The service did not answer in HTTP.', { cause: error });
  return new Problem('upstream-unreachable', 'The service cannot be reached.', { cause: error });
}

export function rejected({ config }: PreparedUpstream): Problem {
  return new Problem(
    'upstream-rejected-credential',
    `${config.name} does not accept the credential stored for you. Reconnect it on your connections page.`,
  );
}

export function rejectedBrought({ config }: PreparedUpstream): Problem {
  const detail = `${config.name} does not accept the token that you sent in ${config.callerHeader}.`;
  return new Problem('upstream-rejected-credential', detail);
}

export function insufficient(detail: string): Problem {
  return new Problem('insufficient-scope', detail);
}

export function rejectedOnce({ config }: PreparedUpstream): Problem {
  const detail = `${config.name} refused an old token. There is a new one now: send the request again.`;
  return new Problem('upstream-rejected-credential', detail, { headers: { 'retry-after': '1' } });
}

export function limitProblem({ code, detail, headers }: Limited): Problem {
  return new Problem(code, detail, { headers });
}

export function circuitOpen({ config }: PreparedUpstream, pauseSeconds: number): Problem {
  const detail = `${config.name} does not answer: calls are held back until it does. Try again in ${pauseSeconds} s.`;
  return new Problem('temporarily-unavailable', detail, {
    headers: { 'retry-after': String(pauseSeconds) },
  });
}

export const notThisHandshake = new Problem(
  'upstream-invalid',
  'The service did not answer this WebSocket handshake.',
);
