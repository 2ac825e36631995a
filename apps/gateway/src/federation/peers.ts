import type { McpDeps } from '../mcp/mcp-call.js';
import { modernVersion } from '../mcp/era.js';
import type { McpCall } from '../mcp/mcp-call.js';
import { LegacyPeer } from './legacy-peer.js';
import { LegacyTasks } from './legacy-tasks.js';
import { ModernPeer } from './modern-peer.js';
import { ModernTasks } from './modern-tasks.js';
import type { Peer, PeerAnswer, PeerCall, PeerRequest, SentRequest, Unsent } from './peer.js';
import { requestIds } from './request-ids.js';

type Era = 'modern' | 'legacy';

/** Every upstream in its own era, which is learnt at the first request and again where it no longer fits. */
export class Peers implements Peer {
  readonly modern: ModernPeer;
  readonly legacy: LegacyPeer;
  /** Legacy servers as modern clients meet them. */
  readonly legacyTasks: LegacyTasks;
  readonly #modernTasks: ModernTasks;
  readonly #eras = new Map<string, Era>();

  constructor(deps: McpDeps) {
    this.modern = new ModernPeer(deps);
    this.legacy = new LegacyPeer(deps);
    this.legacyTasks = new LegacyTasks(this.legacy);
    this.#modernTasks = new ModernTasks(this.modern);
  }

  /** As it is sent at once, where the era is known and whatever it needs is open. */
  sent(at: PeerCall, request: Unsent): SentRequest | undefined {
    const era = this.knownEra(at.call);
    if (era !== at.client.era && isAboutTasks(request)) return undefined;
    return era && this[era].sent(at, request);
  }

  async request(at: PeerCall, request: PeerRequest): Promise<PeerAnswer> {
    const known = this.#eras.has(keyOf(at.call));
    const era = await this.eraOf(at, request.wish);
    if (typeof era !== 'string') return era;
    const answer = await this.#in(era, at).request(at, request);
    if (!known || !isMismatch(era, answer)) return answer;
    this.#eras.delete(keyOf(at.call));
    const now = await this.eraOf(at, request.wish);
    if (typeof now !== 'string' || now === era) return answer;
    return this.#in(now, at).request(at, { ...request, begun: undefined });
  }

  #in(era: Era, { client }: PeerCall): Peer {
    if (era === client.era) return this[era];
    return era === 'legacy' ? this.legacyTasks : this.#modernTasks;
  }

  /** The era, or why it cannot be learnt now. */
  async eraOf(
    at: PeerCall,
    wish: PeerRequest['wish'] = { interaction: 'none' },
  ): Promise<Era | PeerAnswer> {
    const known = this.#eras.get(keyOf(at.call));
    if (known !== undefined) return known;
    const answer = await this.modern.request(at, {
      id: requestIds.next(),
      method: 'server/discover',
      params: {},
      signal: AbortSignal.timeout(at.call.upstream.config.timeoutMs),
      wish,
    });
    const era = eraIn(answer);
    if (era === undefined) return answer;
    this.#eras.set(keyOf(at.call), era);
    return era;
  }

  /** Tells the upstream in its own era that nobody waits for this request any more. */
  async tellCancelled(at: PeerCall, requestId: string, reason: unknown): Promise<void> {
    if (this.knownEra(at.call) !== 'legacy') return;
    const told = typeof reason === 'string' ? { reason } : {};
    await this.legacy
      .notify(at, 'notifications/cancelled', { requestId, ...told })
      .catch(() => undefined);
  }

  /** Asked anew at the next request: what was learnt did not work. */
  forgetEra(call: McpCall): void {
    this.#eras.delete(keyOf(call));
  }

  /** What is known without asking. */
  knownEra(call: McpCall): Era | undefined {
    return this.#eras.get(keyOf(call));
  }
}

/** A server that does not speak the modern revision answers `server/discover` with some refusal of HTTP or JSON-RPC. */
function eraIn(answer: PeerAnswer): Era | undefined {
  if (answer.kind === 'no-credential') return undefined;
  if (answer.kind === 'result') {
    const { supportedVersions } = answer.result;
    const named = Array.isArray(supportedVersions) && supportedVersions.includes(modernVersion);
    return named ? 'modern' : 'legacy';
  }
  const { status = 500 } = answer;
  // What is broken or away now says nothing.
  if (status >= 500) return undefined;
  return answer.kind === 'error' || status >= 400 ? 'legacy' : undefined;
}

/** Nothing that another era could be sent as it is. */
function isAboutTasks({ method, params }: Unsent): boolean {
  return method.startsWith('tasks/') || params['task'] !== undefined;
}

function isMismatch(era: Era, answer: PeerAnswer): boolean {
  if (era === 'legacy')
    return answer.kind === 'failed' && answer.failure.code === 'upstream-invalid';
  return answer.kind === 'error' && answer.error.code === -32022;
}

function keyOf({ upstream }: McpCall): string {
  return `${upstream.config.slug} ${upstream.config.url}`;
}
