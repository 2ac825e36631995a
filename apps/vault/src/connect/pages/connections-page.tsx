import type { RevocationReport } from '../../grants/grants.js';
import { cleanText } from '../../web/clean-text.js';
import { Foreign } from '../../web/foreign.js';
import type { Page, Visitor } from '../../web/page.js';
import type { ConnectedApplication, Connection } from '../list-connections.js';
import { stateWords } from './connection-state.js';
import { nameOfAccount } from './request-words.js';

export interface ConnectionsView {
  readonly connections: readonly Connection[];
  readonly visitor: Visitor;
  /** Epoch seconds. */
  readonly now: number;
  /** What was just done, said once. */
  readonly notice: string | undefined;
}

export function connectionsPage(view: ConnectionsView): Page {
  const connected = view.connections.filter(({ grant }) => grant);
  const offered = view.connections.filter(({ grant }) => !grant);
  return {
    status: 200,
    title: 'My connections',
    visitor: view.visitor,
    body: (
      <>
        <h1>My connections</h1>
        <p class="lead">
          Services that apps use as you, <Foreign name={view.visitor.displayName} />.
        </p>
        {view.notice !== undefined && (
          <p class="note" role="status">
            {view.notice}
          </p>
        )}
        {connected.length === 0 && <NothingYet hasOffers={offered.length > 0} />}
        {connected.map((connection) => (
          <ConnectionCard connection={connection} view={view} />
        ))}
        {offered.length > 0 && <Offers offered={offered} csrf={view.visitor.csrfToken} />}
      </>
    ),
  };
}

function NothingYet({ hasOffers }: { hasOffers: boolean }) {
  return (
    <section class="card">
      <h2>Nothing is connected yet.</h2>
      <p class="soft">
        When an app needs a service as you, it shows you a link that brings you here.
        {hasOffers && ' You can also connect a service now.'}
      </p>
    </section>
  );
}

function ConnectionCard({ connection, view }: { connection: Connection; view: ConnectionsView }) {
  const { upstream, grant, applications } = connection;
  if (!grant) return null;
  const state = stateWords(grant, view.now, connection.oauthClient === undefined);
  const action = `/connections/${upstream.document.slug}`;
  return (
    <section class="card connection">
      <div class="connection-head">
        <h2>
          <Foreign name={upstream.document.name} />
        </h2>
        <span class={`badge ${state.tone}`}>{state.badge}</span>
      </div>
      {state.detail !== undefined && <p class="small">{state.detail}</p>}
      <dl>
        <div>
          <dt>Connected {isNameless(connection) ? 'with' : 'as'}</dt>
          <dd>
            <Foreign name={nameOfAccount(grant.account) ?? unnamed(connection)} />
          </dd>
        </div>
        <div>
          <dt>Since</dt>
          <dd>
            <Day at={grant.createdAt} />
          </dd>
        </div>
        <div>
          <dt>Last used</dt>
          <dd>{grant.lastUsedAt ? <Day at={grant.lastUsedAt} /> : 'not yet'}</dd>
        </div>
      </dl>
      <Applications applications={applications} action={action} csrf={view.visitor.csrfToken} />
      <form method="post" action={action} class="actions">
        <input type="hidden" name="csrf" value={view.visitor.csrfToken} />
        <button type="submit" name="decision" value="connect" class={state.tone && 'primary'}>
          Reconnect<span class="hidden"> {cleanText(upstream.document.name)}</span>
        </button>
        <a class="button danger" href={action}>
          Disconnect …<span class="hidden"> {cleanText(upstream.document.name)}</span>
        </a>
      </form>
    </section>
  );
}

/** Of a token that was pasted nobody says whose it is. */
function isNameless({ oauthClient, grant }: Connection): boolean {
  return oauthClient === undefined && grant?.account === undefined;
}

function unnamed(connection: Connection): string {
  return isNameless(connection) ? 'a token that you gave' : 'an account without a name';
}

function Applications(props: {
  applications: readonly ConnectedApplication[];
  action: string;
  csrf: string;
}) {
  if (props.applications.length === 0)
    return <p class="soft small">No app may use it at the moment. Each asks you first.</p>;
  return (
    <>
      <p class="label" id={`apps${props.action.replaceAll('/', '-')}`}>
        Apps that may use it
      </p>
      <ul class="applications" aria-labelledby={`apps${props.action.replaceAll('/', '-')}`}>
        {props.applications.map(({ consent, application }) => (
          <li>
            <span>
              <Foreign name={application.name} />{' '}
              <span class="soft small">
                {application.trust !== 'known' && '(not checked) '}
                since <Day at={consent.createdAt} />
              </span>
            </span>
            <form method="post" action={props.action}>
              <input type="hidden" name="csrf" value={props.csrf} />
              <input type="hidden" name="consent" value={consent.id} />
              <button class="quiet" type="submit" name="decision" value="remove">
                Remove<span class="hidden"> {cleanText(application.name)}</span>
              </button>
            </form>
          </li>
        ))}
      </ul>
    </>
  );
}

function Offers({ offered, csrf }: { offered: readonly Connection[]; csrf: string }) {
  return (
    <>
      <h2 class="section">Services you can connect</h2>
      <ul class="offers">
        {offered.map(({ upstream }) => (
          <li>
            <Foreign name={upstream.document.name} />
            <form method="post" action={`/connections/${upstream.document.slug}`}>
              <input type="hidden" name="csrf" value={csrf} />
              <button type="submit" name="decision" value="connect">
                Connect<span class="hidden"> {cleanText(upstream.document.name)}</span>
              </button>
            </form>
          </li>
        ))}
      </ul>
    </>
  );
}

/** One decision: end it? Says what else ends with it. */
export function disconnectPage(
  connection: Connection,
  alsoEnding: readonly Connection[],
  visitor: Visitor,
): Page {
  const { slug, name } = connection.upstream.document;
  const others = alsoEnding.map(({ upstream }) => cleanText(upstream.document.name));
  return {
    status: 200,
    title: `Disconnect ${cleanText(name)}?`,
    visitor,
    body: (
      <section class="card">
        <h1>
          Disconnect <Foreign name={name} />?
        </h1>
        <p class="lead">
          Within seconds no app can use it as you. Your organisation forgets its key
          {connection.oauthClient ? (
            <>
              , and we ask <Foreign name={connection.oauthClient.document.name} /> to end it there
              too.
            </>
          ) : (
            <>. It still works there until you delete it in the settings of the service.</>
          )}
        </p>
        {others.length > 0 && (
          <p class="note warn">
            This also disconnects {others.join(', ')}: they share one sign-in.
          </p>
        )}
        <form method="post" action={`/connections/${slug}`} class="actions">
          <input type="hidden" name="csrf" value={visitor.csrfToken} />
          <button class="danger" type="submit" name="decision" value="disconnect">
            Disconnect
          </button>
          <a class="button" href="/connections">
            Keep it
          </a>
        </form>
      </section>
    ),
  };
}

/** The two days that matter on a page without script: the date, in one unambiguous form. */
function Day({ at }: { at: Date }) {
  const words = at.toLocaleDateString('en-GB', {
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    timeZone: 'UTC',
  });
  return <time dateTime={at.toISOString()}>{words}</time>;
}

export type Done = RevocationReport['atProvider'] | 'removed';

/** What was done, in the words of its outcome; the name is of a service that we offer. */
export function noticeOf(done: Done, upstreamName: string): string {
  const name = cleanText(upstreamName);
  switch (done) {
    case 'revoked':
      return `${name} is disconnected. The provider has confirmed that the access is over.`;
    case 'not-supported':
      return `${name} is disconnected here. The provider cannot be asked to end the access; its own account settings may let you.`;
    case 'failed':
      return `${name} is disconnected here, but the provider did not confirm it. Remove the access in its own account settings.`;
    case 'nothing-to-revoke':
      return `${name} is disconnected.`;
    case 'removed':
      return `That app can no longer use ${name} as you.`;
  }
}
