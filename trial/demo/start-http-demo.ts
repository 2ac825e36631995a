import type { IncomingMessage, ServerResponse } from 'node:http';
import { readBody, sendJson, startLocalServer } from '#lib/testing/local-server';
import type { LocalServer } from '#lib/testing/local-server';
import { Recorder } from '../recorder.js';
import { answerByMode } from '../service-mode.js';
import type { DemoConfig } from './demo-config.js';
import { serveDemoControl } from './demo-control.js';
import type { DemoState } from './demo-control.js';
import { helpdesk } from './serve-helpdesk.js';
import { TokenRule } from './token-rule.js';
import type { TokenHolder } from './token-rule.js';

const reports = [
  { id: 'q1', title: 'First quarter', owner: 'alice@upstream' },
  { id: 'q2', title: 'Second quarter', owner: 'alice@upstream' },
  { id: 'payroll', title: 'Payroll', owner: 'bob@upstream' },
];

/** The demo HTTP API: `GET /reports`, `GET /reports/{id}`, `POST /echo`, `GET /events` (a stream, silent at first); beside it the helpdesk. */
export async function startHttpDemo(config: DemoConfig): Promise<LocalServer> {
  const rule = new TokenRule(config);
  const recorder = new Recorder();
  const state: DemoState = { mode: 'up', recorder, rule, controlToken: config.controlToken };
  const serveHelpdesk = helpdesk(config.controlToken);
  return startLocalServer(async (request, response) => {
    const url = new URL(request.url ?? '/', config.resource);
    if (url.pathname.startsWith('/trial/')) return serveDemoControl(state, request, response);
    if (url.pathname.startsWith('/helpdesk/'))
      return serveHelpdesk(url.pathname, request, response);
    const received = recorder.add(request);
    if (answerByMode(state.mode, response)) return;
    if (url.pathname === '/.well-known/oauth-protected-resource') {
      return sendJson(response, 200, rule.metadata(['reports:read']));
    }
    const holder = await rule.holderOf(request);
    if (holder === undefined) {
      response.setHeader('www-authenticate', rule.challenge(request.headers.authorization));
      return sendJson(response, 401, { error: 'invalid_token' });
    }
    if (request.method === 'POST' && url.pathname === '/echo') {
      received.body = await readBody(request);
      return echo(request, received.body, response);
    }
    if (request.method !== 'GET') return sendJson(response, 405, { error: 'method_not_allowed' });
    if (url.pathname === '/events') return events(url, response);
    answerReports(url.pathname, holder, response);
  }, config.port);
}

function answerReports(path: string, holder: TokenHolder, response: ServerResponse): void {
  const mine = reports.filter(({ owner }) => owner === holder.upn);
  if (path === '/reports') {
    const { upn: account, fingerprint: tokenFingerprint, payload } = holder;
    const times = { issuedAt: payload.iat, expiresAt: payload.exp };
    return sendJson(response, 200, { account, tokenFingerprint, ...times, reports: mine });
  }
  const found = mine.find(({ id }) => path === `/reports/${id}`);
  sendJson(response, found === undefined ? 404 : 200, found ?? { error: 'not_found' });
}

function echo(request: IncomingMessage, body: string, response: ServerResponse): void {
  response.writeHead(200, {
    'content-type': request.headers['content-type'] ?? 'application/octet-stream',
    'x-demo': 'echo',
  });
  response.end(body);
}

/** The head at once, then nothing for `silentMs`, then an event each `everyMs` until the client goes. */
function events(url: URL, response: ServerResponse): void {
  const silentMs = Number(url.searchParams.get('silentMs') ?? '2000');
  const everyMs = Number(url.searchParams.get('everyMs') ?? '1000');
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  response.flushHeaders();
  let count = 0;
  let timer = setTimeout(function tick() {
    count += 1;
    response.write(`event: tick\nid: ${count}\ndata: {"count":${count}}\n\n`);
    timer = setTimeout(tick, everyMs);
  }, silentMs);
  response.once('close', () => clearTimeout(timer));
}
