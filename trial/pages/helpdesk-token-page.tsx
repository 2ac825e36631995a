import { renderPage } from './page.js';

/** Where people of the demo helpdesk get the tokens that they paste. */
export function helpdeskTokenPage(
  tokens: readonly { readonly user: string; readonly token: string }[],
): string {
  return renderPage(
    'upstream',
    'Access tokens – demo helpdesk',
    <>
      <p class="where">This is the demo helpdesk of the trial.</p>
      <h1>Access tokens</h1>
      <p>
        A real service would show you your own only, after you have signed in. Copy one and paste it
        into the page of the vault that asks for it.
      </p>
      {tokens.map(({ user, token }) => (
        <p class="note">
          {user}
          <br />
          <code id={user}>{token}</code>
        </p>
      ))}
    </>,
  );
}
