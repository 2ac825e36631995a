import { setTimeout as sleep } from 'node:timers/promises';
import { personKey } from '../credentials/use.js';
import { borrow } from '../mcp/borrow.js';
import type { Consents } from '../mcp/consents.js';
import { sharerOf, type McpDeps } from '../mcp/mcp-call.js';
import { isObject, type JsonObject } from '../mcp/message.js';
import type { Catalogues } from './catalogues.js';
import { callAt, personOf, type FederatedCall } from './federated-call.js';
import type { VisibleUpstream } from './joined-upstreams.js';
import type { ListChanges } from './list-changes.js';
import { allChanges } from './list-kinds.js';
import { isAboutClientsTasks } from './legacy-peer.js';
import type { PeerCall, ServerRequest } from './peer.js';
import type { Peers } from './peers.js';
import { requestIds } from './request-ids.js';
import { taskChanged } from './task-ids.js';
import { acknowledgedTasks, type TaskNews } from './task-news.js';
import type { UpstreamSignals } from './upstream-signals.js';

const firstPauseMs = 1_000;
const longestPauseMs = 60_000;
const unknownMethod = { error: { code: -32_601, message: 'Method not found.' } };
const acknowledged = 'notifications/subscriptions/acknowledged';

type Attempt = 'ended' | 'failed' | 'never' | 'anew';

/** What a client's stream wants of each upstream. */
export interface Follower {
  readonly signal: AbortSignal;
  send(message: JsonObject): void;
  /** The upstream's own URIs that are subscribed to. */
  subscribed(slug: string): readonly string[];
  /** Calls back when these have changed; answers the way to stop. */
  onSubscribed(listener: () => void): () => void;
  /** The tasks that the client waits for by this stream (SEP-2663). */
  readonly tasks?: TaskNews | undefined;
  /** Undefined where the client cannot be asked anything. */
  ask?: ((at: PeerCall, request: ServerRequest) => void) | undefined;
}

/** Keeps the upstreams' own streams merged into the client's, from consent on and again after each break. */
export class FollowPeers {
  constructor(
    private readonly deps: McpDeps,
    private readonly parts: {
      readonly peers: Peers;
      readonly consents: Consents;
      readonly catalogues: Catalogues;
      readonly changes: ListChanges;
      readonly signals: UpstreamSignals;
    },
  ) {}

  async follow(call: FederatedCall, visible: VisibleUpstream, follower: Follower): Promise<void> {
    // Until the token carries the scope, nothing is called as this person; a new token comes with a new stream.
    if (visible.access.kind !== 'allowed')
      return follower.tasks?.refused(visible.upstream.config.slug);
    const { signal } = follower;
    let pauseMs = firstPauseMs;
    let wasAway = false;
    while (!signal.aborted) {
      const isBack = (): void => {
        if (wasAway) this.#announceReturn(call, visible);
        wasAway = false;
        pauseMs = firstPauseMs;
      };
      const attempt = await this.#once(call, visible, follower, isBack);
      if (attempt === 'never') return;
      if (attempt === 'anew') continue;
      wasAway ||= attempt === 'failed';
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
      if (attempt === 'failed') pauseMs = Math.min(pauseMs * 2, longestPauseMs);
    }
  }

  #announceReturn(call: FederatedCall, { upstream }: VisibleUpstream): void {
    this.parts.catalogues.outdate(sharerOf(callAt(call, upstream)));
    this.parts.changes.announce(personOf(call.caller), allChanges);
  }

  async #once(
    call: FederatedCall,
    { upstream }: VisibleUpstream,
    follower: Follower,
    isBack: () => void,
  ): Promise<Attempt> {
    const at = callAt(call, upstream);
    const round = new AbortController();
    const signal = AbortSignal.any([follower.signal, round.signal]);
    // Listen before asking: a consent in between is not missed.
    const consented = this.parts.consents.next(sharerOf(at), signal);
    try {
      const credential = await borrow(this.deps, at, { interaction: 'none' });
      if (credential.kind === 'credential')
        return await this.#inPlace({ call: at, client: call.client, credential }, follower, isBack);
      if (credential.kind === 'unavailable') return 'failed';
      follower.tasks?.refused(upstream.config.slug);
      if (credential.kind !== 'interaction') return 'never';
      await consented;
      return 'anew';
    } finally {
      round.abort();
    }
  }

  async #inPlace(at: PeerCall, follower: Follower, isBack: () => void): Promise<Attempt> {
    const { caller, upstream } = at.call;
    const place = this.deps.limits?.openStream(personKey(caller), upstream.config);
    if (place?.kind === 'limited') return 'failed';
    try {
      return await this.#stream(at, follower, isBack);
    } finally {
      place?.leave();
    }
  }

  async #stream(at: PeerCall, follower: Follower, isBack: () => void): Promise<Attempt> {
    const { peers } = this.parts;
    const era = await peers.eraOf(at);
    if (typeof era !== 'string') return 'failed';
    const changed = new AbortController();
    const stop = follower.onSubscribed(() => changed.abort());
    const signal = AbortSignal.any([follower.signal, changed.signal]);
    try {
      const attempt =
        era === 'modern'
          ? await this.#listen(at, follower, signal, isBack)
          : await this.#get(at, follower, signal, isBack);
      if (changed.signal.aborted) return 'anew';
      if (attempt === 'failed') peers.forgetEra(at.call);
      return attempt;
    } finally {
      stop();
    }
  }

  async #listen(
    at: PeerCall,
    follower: Follower,
    signal: AbortSignal,
    isBack: () => void,
  ): Promise<Attempt> {
    const { slug } = at.call.upstream.config;
    const uris = follower.subscribed(slug);
    const taskIds = follower.tasks?.at(slug) ?? [];
    const notifications = {
      ...{ toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true },
      ...(uris.length === 0 ? {} : { resourceSubscriptions: uris }),
      ...(taskIds.length === 0 ? {} : { taskIds }),
    };
    const heard = new Set<unknown>();
    const answer = await this.parts.peers.modern.request(at, {
      id: requestIds.next(),
      method: 'subscriptions/listen',
      params: { notifications },
      signal,
      wish: { interaction: 'none' },
      onStream: isBack,
      onNotification: (method, params) => {
        const { _meta: ofTheirStream, ...own } = params;
        if (method === taskChanged) heard.add(own['taskId']);
        if (method !== acknowledged) return this.#pass(at, follower, method, own);
        if (follower.tasks?.acknowledged(slug, acknowledgedTasks(own)) !== true) return;
        void this.#catchUp(at, follower, { taskIds, heard, signal });
      },
    });
    if (answer.kind !== 'error') return answer.kind === 'result' ? 'ended' : 'failed';
    isBack();
    if (taskIds.length === 0) return 'never';
    // Perhaps it was the tasks that it would not hear of.
    follower.tasks?.refused(slug);
    return 'anew';
  }

  /** What became of the tasks while their server could tell nobody. */
  async #catchUp(
    at: PeerCall,
    follower: Follower,
    { taskIds, heard, signal }: Missed,
  ): Promise<void> {
    for (const taskId of taskIds) {
      const asked = { id: requestIds.next(), method: 'tasks/get', params: { taskId }, signal };
      const wish = { interaction: 'none' } as const;
      const answer = await this.parts.peers.modern.request(at, { ...asked, wish });
      // What was told meanwhile is newer.
      if (answer.kind !== 'result' || heard.has(taskId)) continue;
      const { resultType, ...task } = answer.result;
      this.#pass(at, follower, taskChanged, task);
    }
  }

  async #get(
    at: PeerCall,
    follower: Follower,
    signal: AbortSignal,
    isBack: () => void,
  ): Promise<Attempt> {
    const { legacy, legacyTasks } = this.parts.peers;
    follower.tasks?.refused(at.call.upstream.config.slug);
    const ended = await legacy.stream(at, signal, {
      onOpen: () => {
        isBack();
        this.#subscribe(at, follower, signal);
      },
      onMessage: (message, session) => {
        const { id, method } = message;
        if (typeof method !== 'string') return;
        const params = isObject(message['params']) ? message['params'] : {};
        if (id === undefined) return this.#pass(at, follower, method, params);
        const respond: ServerRequest['respond'] = (answer) =>
          legacy.respond(at, session, id, answer);
        if (method === 'ping') return respond({ result: {} });
        const question = { id, method, params, respond };
        if (isAboutClientsTasks(method)) return respond(unknownMethod);
        if (follower.ask !== undefined) return follower.ask(at, question);
        if (!legacyTasks.hears(at, question)) respond(unknownMethod);
      },
    });
    if (ended === 'never') isBack();
    return ended;
  }

  /** A session that was opened anew knows of no subscription. */
  #subscribe(at: PeerCall, follower: Follower, signal: AbortSignal): void {
    for (const uri of follower.subscribed(at.call.upstream.config.slug))
      void this.parts.peers.legacy.request(at, {
        id: requestIds.next(),
        method: 'resources/subscribe',
        params: { uri },
        signal,
        wish: { interaction: 'none' },
      });
  }

  #pass(at: PeerCall, follower: Follower, method: string, params: JsonObject): void {
    const message = this.parts.signals.outward(at.call, at.client, method, params);
    if (message === undefined) return;
    const { taskId } = isObject(message['params']) ? message['params'] : {};
    if (method !== taskChanged || follower.tasks?.tells(taskId) === true) follower.send(message);
  }
}

interface Missed {
  readonly taskIds: readonly string[];
  /** Those that have been told of since. */
  readonly heard: ReadonlySet<unknown>;
  readonly signal: AbortSignal;
}
