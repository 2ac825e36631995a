import { decodeJwt } from 'jose';
import { callerTokens, registerApplication } from '#lib/testing/caller-token';
import type { RegisteredApplication } from '#lib/testing/caller-token';
import { HttpBrowser } from '#lib/testing/http-browser';
import type { VisitedPage } from '#lib/testing/http-browser';
import type { TrialStack } from '#lib/testing/trial-stack';

/** What `GET /reports` of the demo API says of the token that it was sent. */
export interface ReportsAnswer {
  readonly account: string;
  readonly tokenFingerprint: string;
  readonly issuedAt: number;
  readonly expiresAt: number;
}

type Login = 'alice' | 'bob';

/** One person with one application of theirs, and the browser in which they consent. */
export class TrialCaller {
  readonly browser = new HttpBrowser();

  private constructor(
    private readonly trial: TrialStack,
    private readonly login: Login,
    readonly application: RegisteredApplication,
    /** Good at every route of the gateway. */
    readonly accessToken: string,
    /** Where this person signs in, should the vault offer several places. */
    private readonly issuer = 'corporate',
  ) {}

  /** Somebody of another issuer than the trial's own; `login` is the account upstream. */
  static of(trial: TrialStack, login: Login, issuer: string, accessToken: string): TrialCaller {
    const application = { clientId: '', redirectUri: '' };
    return new TrialCaller(trial, login, application, accessToken, issuer);
  }

  static async signedIn(trial: TrialStack, login: Login): Promise<TrialCaller> {
    const { corporateIdp, gateway } = trial.urls;
    const application = await registerApplication(corporateIdp, `A program of ${login}`);
    const { accessToken } = await callerTokens(corporateIdp, application, login, gateway);
    return new TrialCaller(trial, login, application, accessToken);
  }

  /** Signed in, and the reports are connected. */
  static async connected(trial: TrialStack, login: Login): Promise<TrialCaller> {
    const caller = await TrialCaller.signedIn(trial, login);
    await caller.connectReports();
    return caller;
  }

  /** Who the corporate provider says that this is. */
  get subject(): string {
    return decodeJwt(this.accessToken).sub ?? '';
  }

  get headers(): { readonly authorization: string } {
    return { authorization: `Bearer ${this.accessToken}` };
  }

  /** A call of the demo API through the gateway. */
  reports(path = '/reports', signal?: AbortSignal): Promise<Response> {
    const { headers } = this;
    const url = `${this.trial.urls.gateway}/http/reports${path}`;
    return fetch(url, { headers, ...(signal === undefined ? {} : { signal }) });
  }

  /** A call that must be served. */
  async served(): Promise<ReportsAnswer> {
    const answer = await this.reports();
    const text = await answer.text();
    if (answer.status !== 200) throw new Error(`not served: ${answer.status} ${text}`);
    return JSON.parse(text) as ReportsAnswer;
  }

  /** A call that must pause; answers its link. */
  async pausedAt(): Promise<string> {
    const answer = await this.reports();
    const text = await answer.text();
    if (answer.status !== 403) throw new Error(`not paused: ${answer.status} ${text}`);
    return (JSON.parse(text) as { interaction_uri: string }).interaction_uri;
  }

  async connectReports(): Promise<void> {
    const page = await this.consent(await this.pausedAt());
    if (!page.body.includes('is connected'))
      throw new Error(`not connected: ${page.status} ${page.url.pathname}`);
  }

  /** Opens a page and signs in at whatever provider asks; ends at a page of the vault. */
  open(link: string): Promise<VisitedPage> {
    return this.#through(link, false);
  }

  /** The whole of a consent: signs in, and allows whatever is asked. */
  consent(link: string): Promise<VisitedPage> {
    return this.#through(link, true);
  }

  async #through(link: string, allows: boolean): Promise<VisitedPage> {
    let page = await this.browser.get(link);
    for (let step = 0; step < 8; step += 1) {
      const next = await this.#next(page, allows);
      if (next === undefined) return page;
      page = next;
    }
    throw new Error(`the pages never end: ${page.url.pathname}`);
  }

  async #next(page: VisitedPage, allows: boolean): Promise<VisitedPage | undefined> {
    const upstream = page.url.origin === this.trial.urls.upstreamIdp;
    const login = upstream ? `${this.login}@upstream` : this.login;
    const choice = new RegExp(`href="(/login\\?issuer=${this.issuer}[^"]*)"`).exec(page.body)?.[1];
    if (choice !== undefined)
      return this.browser.get(new URL(choice.replaceAll('&amp;', '&'), page.url));
    if (page.body.includes('name="password"'))
      return this.browser.submit(page, '/login', { login, password: login });
    if (page.body.includes('/confirm"')) return this.browser.submit(page, '/confirm');
    if (allows && page.body.includes('value="allow"'))
      return this.browser.submit(page, '/requests/', { decision: 'allow' });
    return undefined;
  }
}

/** How many requests for consent were opened since the trial began. */
export async function interactionsSoFar(trial: TrialStack): Promise<number> {
  const events = await auditEvents(trial, 'interaction.opened');
  return events.length;
}

/** The last 200 audit events of an action. */
async function auditEvents(
  trial: TrialStack,
  action: string,
): Promise<readonly Record<string, unknown>[]> {
  const answer = await admin(trial, 'GET', `audit-events?action=${action}&limit=200`);
  return ((await answer.json()) as { items: Record<string, unknown>[] }).items;
}

const mergePatch = 'application/merge-patch+json';

/** The admin REST API with the bootstrap token. */
export function admin(
  trial: TrialStack,
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  path: string,
  body?: unknown,
): Promise<Response> {
  return fetch(`${trial.urls.vault}/admin/v1/${path}`, {
    method,
    headers: {
      authorization: `Bearer ${trial.adminToken}`,
      ...(body === undefined
        ? {}
        : { 'content-type': method === 'PATCH' ? mergePatch : 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}
