import { randomBytes } from 'node:crypto';
import type { Clock } from '#lib/clock/clock';
import type { InteractionWatch } from '../upstreams/interaction-watch.js';
import type { EventStream } from './event-stream.js';
import type { LegacySession } from './legacy-session.js';

// Interactions live ten minutes; so does what could not be delivered yet.
const lifeSeconds = 10 * 60;
const mostTold = 10_000;
const mostUndelivered = 16;
const changes = ['tools', 'prompts', 'resources'].map((kind) => ({
  jsonrpc: '2.0',
  method: `notifications/${kind}/list_changed`,
}));

interface Told {
  readonly nonce: string;
  readonly elicitationId: string;
  readonly until: number;
}

/** The GET streams of legacy sessions at this replica, and which session was told of which elicitation. */
export class LegacyStreams {
  readonly #streams = new Map<string, EventStream[]>();
  readonly #sharers = new Map<string, string>();
  readonly #told = new Map<string, Told[]>();
  readonly #undelivered = new Map<string, { messages: unknown[]; until: number }>();

  constructor(
    watch: InteractionWatch,
    private readonly clock: Clock,
  ) {
    watch.onEnded(({ interactionId, issuer, subject, application, upstream, state }) => {
      this.#complete(interactionId);
      if (state === 'completed')
        this.#changed(JSON.stringify([issuer, subject, application, upstream]));
    });
    watch.onSessionEnded((nonce) => this.end(nonce));
  }

  /** A new elicitation id for this session; its completion will go nowhere else. */
  tell(session: LegacySession, interactionId: string): string {
    const elicitationId = randomBytes(16).toString('base64url');
    const told = this.#told.get(interactionId) ?? [];
    told.push({ nonce: session.nonce, elicitationId, until: this.clock.now() + lifeSeconds });
    // Links are ≤8 per interaction; older ones are dead.
    this.#told.set(interactionId, told.slice(-8));
    dropOld(this.#told, mostTold, (entries) => (entries.at(-1)?.until ?? 0) <= this.clock.now());
    return elicitationId;
  }

  /** Registers a GET stream; answers how to take it away again. */
  add(session: LegacySession, sharer: string, stream: EventStream): () => void {
    const { nonce } = session;
    const streams = this.#streams.get(nonce) ?? [];
    this.#streams.set(nonce, [...streams, stream]);
    this.#sharers.set(nonce, sharer);
    for (const message of this.#takeUndelivered(nonce)) stream.send(message);
    return () => {
      const left = (this.#streams.get(nonce) ?? []).filter((other) => other !== stream);
      if (left.length > 0) this.#streams.set(nonce, left);
      else {
        this.#streams.delete(nonce);
        this.#sharers.delete(nonce);
      }
    };
  }

  end(nonce: string): void {
    for (const stream of this.#streams.get(nonce) ?? []) stream.end();
    this.#undelivered.delete(nonce);
  }

  #complete(interactionId: string): void {
    for (const { nonce, elicitationId } of this.#told.get(interactionId) ?? [])
      this.#send(nonce, {
        jsonrpc: '2.0',
        method: 'notifications/elicitation/complete',
        params: { elicitationId },
      });
    this.#told.delete(interactionId);
  }

  #changed(sharer: string): void {
    for (const [nonce, other] of this.#sharers) {
      if (other === sharer) for (const change of changes) this.#send(nonce, change);
    }
  }

  /** On one stream only, the newest; kept for the next one while there is none. */
  #send(nonce: string, message: unknown): void {
    const stream = this.#streams.get(nonce)?.at(-1);
    if (stream !== undefined) return stream.send(message);
    const kept = this.#undelivered.get(nonce)?.messages ?? [];
    this.#undelivered.set(nonce, {
      messages: [...kept, message].slice(-mostUndelivered),
      until: this.clock.now() + lifeSeconds,
    });
    dropOld(this.#undelivered, mostTold, ({ until }) => until <= this.clock.now());
  }

  #takeUndelivered(nonce: string): readonly unknown[] {
    const kept = this.#undelivered.get(nonce);
    this.#undelivered.delete(nonce);
    return kept === undefined || kept.until <= this.clock.now() ? [] : kept.messages;
  }
}

function dropOld<Value>(
  map: Map<string, Value>,
  most: number,
  isOld: (value: Value) => boolean,
): void {
  for (const [key, value] of map) {
    if (!isOld(value) && map.size <= most) return;
    map.delete(key);
  }
}
