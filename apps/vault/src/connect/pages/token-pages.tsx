import { z } from 'zod';
import { mostTokenBytes, type TokenFault, tokenFaults } from '../../user-tokens/read-token.js';
import { cleanText } from '../../web/clean-text.js';
import type { Page } from '../../web/page.js';
import {
  FormSecrets,
  hasApplication,
  pathOfRequest,
  ProviderName,
  UpstreamName,
} from './request-words.js';
import type { RequestPage } from './request-words.js';
import { externalPage } from '../external-page.js';

/** What was wrong with a token, as the address of the page after it says. */
export const formFault = z.enum([...tokenFaults, 'refused']);
export type FormFault = TokenFault | 'refused';

const faults: Readonly<Record<FormFault, string>> = {
  missing: 'There was no token in the field.',
  'too-long': `That is too long: a token has at most ${mostTokenBytes.toLocaleString('en-GB')} bytes.`,
  'not-one-line':
    'That is not a token: it holds spaces, or characters that tokens do not have. Copy the token alone.',
  'not-the-pattern': 'That does not look like a token of this service. Look at what you copied.',
  expired: 'That token has expired already. Make a new one.',
  refused: 'The service does not accept this token. Make a new one, or look at what it may do.',
};

interface TokenFormView extends RequestPage {
  readonly fault: FormFault | undefined;
  readonly host: string;
}

/** The second half of the consent page: the person says yes by giving the token. Never shows what was given. */
export function TokenForm(view: TokenFormView) {
  const { request, visitor, fault } = view;
  const { credential } = request.upstream.document;
  const action = pathOfRequest(request);
  return (
    <div class="token-form">
      <h2>
        Add your <UpstreamName request={request} /> token.
      </h2>
      {credential.type === 'user-token' && (
        <p class="instructions">{instructions(credential.instructions)}</p>
      )}
      {request.grant?.status === 'active' && (
        <p class="soft small">The token that you gave before stays until you save another.</p>
      )}
      <form method="post" action={`${action}/token`} autocomplete="off">
        <FormSecrets request={request} visitor={visitor} />
        <TokenField fault={fault} />
        <p class="soft small after">
          It is encrypted and never shown again. Check the address: <strong>{view.host}</strong>.
        </p>
        <p class="actions">
          <button class="primary" type="submit">
            {hasApplication(request) ? 'Allow and save' : 'Save'}
          </button>
          <button type="submit" form="not-now" name="decision" value="decline">
            Not now
          </button>
        </p>
      </form>
      <form method="post" action={action} id="not-now">
        <FormSecrets request={request} visitor={visitor} />
      </form>
    </div>
  );
}

/** Masked by style, so that Show works without script; no password field, which browsers offer to remember. */
function TokenField({ fault }: { fault: FormFault | undefined }) {
  return (
    <div class="token-field">
      {fault !== undefined && (
        <p class="note bad" role="alert" id="fault">
          {faults[fault]} Nothing was saved.
        </p>
      )}
      <label for="token">Token</label>
      <input
        class="field masked"
        type="text"
        id="token"
        name="token"
        required
        autocomplete="off"
        autocapitalize="none"
        autocorrect="off"
        spellcheck={false}
        aria-invalid={fault !== undefined}
        {...(fault === undefined ? {} : { 'aria-describedby': 'fault' })}
      />
      <label class="show-row">
        <input type="checkbox" class="show" autocomplete="off" />
        Show
      </label>
    </div>
  );
}

/** Lines stay lines; nothing else of the text is more than text. */
function instructions(text: string): string {
  return text
    .split('\n')
    .map((line) => cleanText(line, 500))
    .join('\n');
}

/** The service said neither yes nor no; the token waits, sealed, for the person's word. */
export function uncheckedPage({ request, visitor }: RequestPage): Page {
  const upstream = cleanText(request.upstream.document.name);
  return {
    status: 200,
    title: `Your ${upstream} token could not be checked`,
    visitor,
    body: (
      <section class="card">
        <h1>
          Your <UpstreamName request={request} /> token could not be checked.
        </h1>
        <p class="lead">
          The service does not answer as it should right now. The token may be good all the same.
          Nothing has changed yet.
        </p>
        <form method="post" action={pathOfRequest(request)} class="actions">
          <FormSecrets request={request} visitor={visitor} />
          <button class="primary" type="submit" name="decision" value="replace">
            Save it anyway
          </button>
          <button type="submit" name="decision" value="keep">
            Paste it again
          </button>
        </form>
      </section>
    ),
  };
}

/** Allowed, and still without a token: it comes from the company's own page, or does not come. */
export function elsewherePage({ request, visitor }: RequestPage): Page {
  const href = externalPage(request)?.href;
  return {
    status: 200,
    title: `${cleanText(request.upstream.document.name)} is not connected yet`,
    visitor,
    body: (
      <section class="card">
        <h1>
          <UpstreamName request={request} /> is not connected yet.
        </h1>
        <p class="lead">
          You have allowed it. What is missing is your token: your organisation’s own page at{' '}
          <strong>
            <ProviderName request={request} />
          </strong>{' '}
          asks for it. Been there already? Reload this page.
        </p>
        <form method="post" action={pathOfRequest(request)} class="actions">
          <FormSecrets request={request} visitor={visitor} />
          <a class="button primary" href={href} rel="noreferrer">
            <span>
              Continue to <ProviderName request={request} />
            </span>
          </a>
          <button type="submit" name="decision" value="decline">
            Not now
          </button>
        </form>
      </section>
    ),
  };
}
