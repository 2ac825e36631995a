import { setTimeout as sleep } from 'node:timers/promises';
import type { BorrowedCredential } from '../credentials/credentials.js';
import { borrow } from './borrow.js';
import type { EventStream } from './event-stream.js';
import type { LegacySession } from './legacy-session.js';
import type { LegacyStreams } from './legacy-streams.js';
import { sharerOf, type McpCall, type McpDeps } from './mcp-call.js';
import { isEventStream } from './relay.js';
import { callUpstream, discard, type UpstreamAnswer } from './upstream-call.js';
import { sessionHeaders, type UpstreamSessions } from './upstream-sessions.js';

const longestEvent = 4 * 1024 * 1024;
const firstPauseMs = 1000;
const longestPauseMs = 60_000;

/** The upstream's own GET stream, merged into the client's for as long as that is open. */
export class UpstreamStream {
  #lastEventId: string | undefined;
  #pauseMs = firstPauseMs;

  constructor(
    private readonly deps: McpDeps,
    private readonly call: McpCall,
    private readonly session: LegacySession,
    private readonly stream: EventStream,
  ) {
    const id = call.request.headers['last-event-id'];
    this.#lastEventId = typeof id === 'string' ? id : undefined;
  }

  /** Ends with `signal`, or when the upstream says that it has no such stream. */
  async follow(
    sessions: UpstreamSessions,
    streams: LegacyStreams,
    signal: AbortSignal,
  ): Promise<void> {
    while (!signal.aborted) {
      const credential = await borrow(this.deps, this.call, { interaction: 'none' });
      if (credential.kind === 'interaction') await streams.consented(sharerOf(this.call), signal);
      else if (
        credential.kind === 'credential' &&
        !(await this.#once(sessions, credential, signal))
      )
        return;
      else await sleep(this.#pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** False: there is no stream to be had, now or later. */
  async #once(
    sessions: UpstreamSessions,
    credential: BorrowedCredential,
    signal: AbortSignal,
  ): Promise<boolean> {
    this.#pauseMs = Math.min(this.#pauseMs * 2, longestPauseMs);
    const opened = await sessions.open(this.call, this.session, credential);
    if (opened.kind !== 'open') return true;
    const headers = {
      accept: 'text/event-stream',
      ...sessionHeaders(opened.session),
      ...(this.#lastEventId === undefined ? {} : { 'last-event-id': this.#lastEventId }),
    };
    const called = await callUpstream(
      this.deps,
      this.call,
      credential,
      { method: 'GET', headers, signal },
      { interaction: 'none' },
    );
    if (called.kind !== 'answered') return true;
    if (called.answer.status === 200 && isEventStream(called.answer)) {
      this.#pauseMs = firstPauseMs;
      await this.#merge(called.answer);
      return true;
    }
    discard(called.answer);
    if (called.answer.status === 404) sessions.forget(this.session);
    return called.answer.status !== 405;
  }

  async #merge(answer: UpstreamAnswer): Promise<void> {
    const decoder = new TextDecoder();
    let rest = '';
    try {
      for await (const chunk of answer.body as AsyncIterable<Buffer>) {
        rest += decoder.decode(chunk, { stream: true });
        if (rest.length > longestEvent) throw new RangeError('the event has no end');
        rest = this.#writeWhole(rest);
      }
    } catch {
      // The upstream, a revoke or the client ended it: follow() decides what is next.
    }
  }

  #writeWhole(text: string): string {
    const end = lastEventEnd(text);
    if (end === 0) return text;
    const whole = text.slice(0, end);
    for (const [, id] of whole.matchAll(/^id:[ ]?([^\r\n]*)$/gm)) this.#lastEventId = id;
    this.stream.write(whole);
    return text.slice(end);
  }
}

/** Index after the last blank line, which is what ends an event. */
function lastEventEnd(text: string): number {
  let end = 0;
  for (const found of text.matchAll(/\r\n\r\n|\n\n|\r\r/g)) end = found.index + found[0].length;
  return end;
}
