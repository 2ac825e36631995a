import type { IncomingMessage, ServerResponse } from 'node:http';
import { readBody, sendJson, startLocalServer } from '#lib/testing/local-server';
import type { LocalServer } from '#lib/testing/local-server';
import { allSteps } from './all-steps.js';
import { CorporateSignIn } from './corporate-sign-in.js';
import { messagePage, tourPage } from './pages/tour-page.js';
import { style } from './pages/style.js';
import type { ClientKind } from './sdk-clients.js';
import type { Action, Progress, StepResult, Surroundings } from './step.js';
import type { TourConfig } from './tour-config.js';
import { TourSessions } from './tour-sessions.js';
import type { TourSession } from './tour-sessions.js';
import { TrialServices } from './trial-services.js';

const actions: ReadonlyMap<string, Action> = new Map(
  allSteps.flatMap((step) => step.actions.map((action) => [action.id, action] as const)),
);

/** Serves the tour on 127.0.0.1: pages, forms and redirects, no script. */
export function startTour(config: TourConfig): Promise<LocalServer> {
  const tour = new Tour(config);
  return startLocalServer((request, response) => tour.answer(request, response), config.port);
}

class Tour {
  readonly #sessions = new TourSessions();
  readonly #around: Surroundings;
  readonly #signIn: CorporateSignIn;

  constructor(private readonly config: TourConfig) {
    this.#signIn = new CorporateSignIn(config);
    const upstreamUrl = `${config.gateway}/mcp/snowdemo`;
    this.#around = { config, services: new TrialServices(config), upstreamUrl };
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Another name for this address would be somebody's DNS, and somebody's page behind it.
    if (request.headers.host !== new URL(this.config.origin).host) {
      return sendPage(response, 421, messagePage('Not here', `Open ${this.config.origin}.`));
    }
    const { pathname } = new URL(request.url ?? '/', this.config.origin);
    if (request.method === 'GET') return this.#get(pathname, request, response);
    if (request.method !== 'POST' || request.headers.origin !== this.config.origin) {
      return sendPage(
        response,
        403,
        messagePage('That did not come from the tour', 'Go back to the tour and use its buttons.'),
      );
    }
    return this.#post(pathname, request, response);
  }

  async #get(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    switch (path) {
      case '/':
        return this.#show(this.#sessions.find(request), response);
      case '/style.css':
        response.writeHead(200, { 'content-type': 'text/css', 'cache-control': 'no-cache' });
        response.end(style);
        return;
      case '/healthz':
        return sendJson(response, 200, { status: 'ok' });
      case '/sign-in':
        return this.#begin(response);
      case '/callback':
        return this.#finish(request, response);
      default:
        return sendPage(
          response,
          404,
          messagePage('There is nothing here', 'The tour is one page.'),
        );
    }
  }

  #show(session: TourSession | undefined, response: ServerResponse): void {
    const progress = session?.progress;
    const over = progress !== undefined && progress.visitor.expiresAt < Date.now() + 60_000;
    if (over) delete session?.progress;
    const problem = over ? 'Your sign-in has ended. Sign in again.' : session?.problem;
    delete session?.problem;
    const view = { progress: session?.progress, ...(problem === undefined ? {} : { problem }) };
    sendPage(response, 200, tourPage(view));
  }

  async #begin(response: ServerResponse): Promise<void> {
    const session = this.#sessions.begin(response);
    try {
      const { url, attempt } = await this.#signIn.begin();
      session.attempt = attempt;
      redirect(response, url.href);
    } catch {
      session.problem = 'The corporate provider does not answer. Try again in a moment.';
      redirect(response, '/');
    }
  }

  async #finish(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const session = this.#sessions.find(request);
    const attempt = session?.attempt;
    if (session === undefined || attempt === undefined) return redirect(response, '/');
    delete session.attempt;
    try {
      const callback = new URL(request.url ?? '/', this.config.origin);
      const visitor = await this.#signIn.finish(callback, attempt);
      session.progress = { visitor, kind: 'modern', results: new Map() };
    } catch (error) {
      const cancelled =
        error instanceof Error && 'error' in error && error.error === 'access_denied';
      session.problem = cancelled
        ? 'You did not sign in. Nothing has happened; you can try again.'
        : 'The sign-in could not be finished. Try again.';
    }
    redirect(response, '/');
  }

  async #post(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const progress = this.#sessions.find(request)?.progress;
    const body = new URLSearchParams(await readBody(request));
    if (path === '/start-over') {
      void progress?.waiting?.close();
      this.#sessions.begin(response);
      return redirect(response, '/');
    }
    const action = actions.get(path.replace(/^\/steps\//, ''));
    if (progress === undefined || action === undefined) return redirect(response, '/');
    progress.kind = kindOf(body.get('kind')) ?? progress.kind;
    progress.results.set(action.id, await this.#run(action, progress));
    redirect(response, `/#${stepOf(action)}`);
  }

  /** A step that throws shows why; the tour goes on. */
  async #run(action: Action, progress: Progress): Promise<StepResult> {
    try {
      return await action.run(progress, this.#around);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const hint = /fetch failed|HTTP 50\d/.test(reason)
        ? 'A part of the trial does not answer; npm run trial -- status shows which. Then repeat the step.'
        : 'Repeat the step, or start over.';
      return { outcome: 'failed', says: `This did not work (${reason}). ${hint}` };
    }
  }
}

function kindOf(value: string | null): ClientKind | undefined {
  return (['modern', 'legacy', 'plain'] as const).find((kind) => kind === value);
}

function stepOf(action: Action): string {
  return allSteps.find(({ actions: own }) => own.includes(action))?.id ?? '';
}

function redirect(response: ServerResponse, location: string): void {
  response.writeHead(303, { location, 'cache-control': 'no-store' });
  response.end();
}

function sendPage(response: ServerResponse, status: number, html: string): void {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy':
      "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    // With no-referrer browsers would send `Origin: null` with our own forms.
    'referrer-policy': 'same-origin',
    'x-content-type-options': 'nosniff',
  });
  response.end(html);
}
