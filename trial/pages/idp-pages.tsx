import type { Account } from '../idp/people.js';
import { renderPage } from './page.js';

export type IdpKind = 'corporate' | 'upstream';

const names: Readonly<Record<IdpKind, string>> = {
  corporate: 'the corporate identity provider',
  upstream: 'the upstream identity provider',
};

const scopeWords: Readonly<Record<string, string>> = {
  openid: 'know who you are',
  profile: 'see your name',
  email: 'see your e-mail address',
  offline_access: 'stay connected while you are away',
  'warehouse:read': 'list your warehouses',
  'query:run': 'run queries in your role',
  'reports:read': 'read your reports',
  'mcp:use': 'call tools as you',
  'helpdesk:write': 'close tickets at the helpdesk',
};

export interface LoginPage {
  readonly kind: IdpKind;
  readonly uid: string;
  readonly people: readonly Account[];
  readonly client: string;
  /** What was typed at the attempt that failed. */
  readonly failedLogin?: string;
  readonly hint?: string;
}

export function loginPage({ kind, uid, people, client, failedLogin, hint }: LoginPage): string {
  return renderPage(
    kind,
    `Sign in – ${names[kind]}`,
    <>
      <p class="where">This is {names[kind]} of the trial.</p>
      <h1>Sign in</h1>
      <p>
        to continue to <bdi>{client}</bdi>
      </p>
      {failedLogin === undefined ? null : (
        <p class="error" role="alert">
          That name and password do not belong together. The password is the name itself.
        </p>
      )}
      <form method="post" action={`/interaction/${uid}/login`}>
        <label for="login">Name</label>
        <input
          id="login"
          name="login"
          autocomplete="username"
          autocapitalize="none"
          spellcheck={false}
          required
          autofocus
          value={failedLogin ?? hint ?? ''}
        />
        <label for="password">Password</label>
        <input
          id="password"
          name="password"
          type="password"
          autocomplete="current-password"
          required
        />
        <button type="submit">Sign in</button>
      </form>
      <p class="note">
        A trial has no secrets: the accounts are{' '}
        {people.map((person, index) => (
          <>
            {index > 0 ? ' and ' : ''}
            <code>{person.login}</code>
          </>
        ))}
        , and each password is the name itself.
      </p>
      <form method="post" action={`/interaction/${uid}/abort`}>
        <button class="second" type="submit">
          Cancel
        </button>
      </form>
    </>,
  );
}

export interface ConsentPage {
  readonly kind: IdpKind;
  readonly uid: string;
  readonly client: string;
  readonly account: string;
  readonly scopes: readonly string[];
  readonly resources: readonly string[];
}

export function consentPage(page: ConsentPage): string {
  const { kind, uid, client, account, scopes, resources } = page;
  return renderPage(
    kind,
    `Allow ${client}? – ${names[kind]}`,
    <>
      <p class="where">
        This is {names[kind]} of the trial. Signed in as <bdi>{account}</bdi>.
      </p>
      <h1>
        Allow <bdi>{client}</bdi>?
      </h1>
      <p>It asks to:</p>
      <ul>
        {scopes.map((scope) => (
          <li>{scopeWords[scope] ?? <code>{scope}</code>}</li>
        ))}
      </ul>
      {resources.length === 0 ? null : (
        <p>
          at{' '}
          {resources.map((resource) => (
            <code>{resource} </code>
          ))}
        </p>
      )}
      <form method="post" action={`/interaction/${uid}/confirm`}>
        <button type="submit">Allow</button>
      </form>
      <form method="post" action={`/interaction/${uid}/abort`}>
        <button class="second" type="submit">
          Cancel
        </button>
      </form>
    </>,
  );
}

/** `error` is the protocol's own code; nothing that a client sent is shown. */
export function errorPage(kind: IdpKind, error: string): string {
  return renderPage(
    kind,
    `Something is wrong – ${names[kind]}`,
    <>
      <p class="where">This is {names[kind]} of the trial.</p>
      <h1>This request cannot go on</h1>
      <p>
        The provider says <code>{error}</code>. Go back to the application and start again; nothing
        was changed here.
      </p>
    </>,
  );
}

/** `form` is oidc-provider's own hidden form, with the id `op.logoutForm`. */
export function signOutPage(kind: IdpKind, form: string): string {
  const page = renderPage(
    kind,
    `Sign out – ${names[kind]}`,
    <>
      <p class="where">This is {names[kind]} of the trial.</p>
      <h1>Sign out here?</h1>
      <button type="submit" form="op.logoutForm" name="logout" value="yes">
        Sign out
      </button>
      <button class="second" type="submit" form="op.logoutForm">
        Stay signed in
      </button>
    </>,
  );
  return page.replace('</main>', () => `${form}</main>`);
}

export function signedOutPage(kind: IdpKind): string {
  return renderPage(
    kind,
    `Signed out – ${names[kind]}`,
    <>
      <p class="where">This is {names[kind]} of the trial.</p>
      <h1>You are signed out</h1>
      <p>You can close this tab.</p>
    </>,
  );
}
