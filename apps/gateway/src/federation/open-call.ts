import { isObject, type JsonObject } from '../mcp/message.js';
import type { PeerAnswer, PeerCall, PeerRequest, ServerRequest } from './peer.js';
import type { Peers } from './peers.js';
import { requestIds } from './request-ids.js';

export type Step =
  | { readonly kind: 'answer'; readonly answer: PeerAnswer }
  /** The upstream asks something before it goes on. */
  | { readonly kind: 'asked'; readonly requests: readonly ServerRequest[] };

/** Who hears what the upstream says before its answer. Another one after a pause. */
export interface Hearer {
  /** The client's own progress token. */
  readonly progressToken: unknown;
  notify(method: string, params: JsonObject): void;
  stream(): void;
}

export interface Opening extends Pick<PeerRequest, 'method' | 'params' | 'wish' | 'headers'> {
  /** Puts names back into whatever the upstream says, where it was asked for another. */
  readonly undisguise: ((said: JsonObject) => JsonObject) | undefined;
}

/** One request under way at one upstream, under an id and a progress token of our own. */
export class OpenCall {
  hearer: Hearer;
  readonly id = requestIds.next();
  readonly #stop = new AbortController();
  readonly #answer: Promise<PeerAnswer>;
  #asked: ServerRequest[] = [];
  #wake: (() => void) | undefined;
  #ended = false;

  constructor(
    private readonly peers: Peers,
    readonly at: PeerCall,
    { undisguise, ...request }: Opening,
    hearer: Hearer,
  ) {
    this.hearer = hearer;
    const said = undisguise ?? ((words: JsonObject) => words);
    this.#answer = peers
      .request(at, {
        ...request,
        params: withProgressToken(request.params, hearer.progressToken, this.id),
        id: this.id,
        signal: this.#stop.signal,
        onStream: () => this.hearer.stream(),
        onNotification: (method, params) => this.#hear(method, said(params)),
        onServerRequest: (asked) => {
          this.#asked.push({ ...asked, params: said(asked.params) });
          this.#wake?.();
        },
      })
      .then((answer) => (undisguise === undefined ? answer : undisguised(answer, undisguise)))
      .finally(() => {
        this.#ended = true;
      });
  }

  /** The answer, or what is asked before it, whichever comes first. */
  async next(): Promise<Step> {
    if (this.#asked.length === 0) {
      const asked = new Promise<undefined>((resolve) => {
        this.#wake = () => resolve(undefined);
      });
      const answer = await Promise.race([this.#answer, asked]);
      if (answer !== undefined) return { kind: 'answer', answer };
    }
    const requests = this.#asked;
    this.#asked = [];
    return { kind: 'asked', requests };
  }

  /** Tells the upstream in its own era that nobody waits any more. */
  async cancel(reason?: unknown): Promise<void> {
    if (this.#ended) return;
    const told = typeof reason === 'string' ? { reason } : {};
    if (this.peers.knownEra(this.at.call) === 'legacy')
      await this.peers.legacy
        .notify(this.at, 'notifications/cancelled', { requestId: this.id, ...told })
        .catch(() => undefined);
    this.#stop.abort();
  }

  #hear(method: string, params: JsonObject): void {
    if (method !== 'notifications/progress') return this.hearer.notify(method, params);
    const { progressToken } = this.hearer;
    if (params['progressToken'] !== this.id || progressToken === undefined) return;
    this.hearer.notify(method, { ...params, progressToken });
  }
}

function withProgressToken(params: JsonObject, asked: unknown, token: string): JsonObject {
  const meta = isObject(params['_meta']) ? params['_meta'] : undefined;
  if (meta === undefined) return params;
  const { progressToken, ...others } = meta;
  return { ...params, _meta: asked === undefined ? others : { ...others, progressToken: token } };
}

function undisguised(answer: PeerAnswer, undisguise: (said: JsonObject) => JsonObject): PeerAnswer {
  if (answer.kind === 'result') return { ...answer, result: undisguise(answer.result) };
  if (answer.kind !== 'error') return answer;
  const { error } = undisguise({ error: answer.error });
  return { ...answer, error: error as typeof answer.error };
}
