import type { JsonObject } from '../mcp/message.js';
import type { PeerAnswer, PeerCall, PeerRequest, ServerRequest } from './peer.js';
import type { Peers } from './peers.js';

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

export interface Opening extends Pick<
  PeerRequest,
  'id' | 'method' | 'params' | 'wish' | 'headers' | 'begun'
> {
  /** Puts names back into whatever the upstream says, where it was asked for another. */
  readonly undisguise: ((said: JsonObject) => JsonObject) | undefined;
}

/** One request under way at one upstream, under an id and a progress token of our own. */
export class OpenCall {
  hearer: Hearer;
  readonly id: string;
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
    this.id = request.id;
    const said = undisguise ?? ((words: JsonObject) => words);
    this.#answer = peers
      .request(at, {
        ...request,
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

  async cancel(reason?: unknown): Promise<void> {
    if (this.#ended) return;
    await this.peers.tellCancelled(this.at, this.id, reason);
    this.#stop.abort();
  }

  #hear(method: string, params: JsonObject): void {
    if (method !== 'notifications/progress') return this.hearer.notify(method, params);
    const { progressToken } = this.hearer;
    if (params['progressToken'] !== this.id || progressToken === undefined) return;
    this.hearer.notify(method, { ...params, progressToken });
  }
}

function undisguised(answer: PeerAnswer, undisguise: (said: JsonObject) => JsonObject): PeerAnswer {
  if (answer.kind === 'result') return { ...answer, result: undisguise(answer.result) };
  if (answer.kind !== 'error') return answer;
  const { error } = undisguise({ error: answer.error });
  return { ...answer, error: error as typeof answer.error };
}
