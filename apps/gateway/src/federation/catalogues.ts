import { isDeepStrictEqual } from 'node:util';
import type { BorrowedCredential } from '../credentials/credentials.js';
import { personKey } from '../credentials/use.js';
import { borrow } from '../mcp/borrow.js';
import { isNobody, nobody } from '../mcp/guest.js';
import { sharerOf, type McpCall, type McpDeps } from '../mcp/mcp-call.js';
import {
  callAt,
  guestsProfile,
  personOf,
  personPrefix,
  type ClientProfile,
  type FederatedCall,
} from './federated-call.js';
import type { VisibleUpstream } from './joined-upstreams.js';
import type { SeenTool } from '../policy/tool-inventory.js';
import { printExact } from './exact-json.js';
import { inTime } from '#lib/process/in-time';
import type { ListChanges } from './list-changes.js';
import { listKinds, type ListMethod } from './list-kinds.js';
import { ListedPage } from './listed-page.js';
import type { PeerAnswer } from './peer.js';
import type { Peers } from './peers.js';
import { requestIds } from './request-ids.js';

/** What there is to show of one upstream; `page` is also the last known one where it cannot be asked now. */
export interface Listed {
  readonly state: 'listed' | 'unconnected' | 'unavailable';
  readonly page: ListedPage | undefined;
}

export interface Asking {
  readonly call: McpCall;
  readonly client: ClientProfile;
  /** False where the caller may not call it yet: then it is never asked as this person. */
  readonly asPerson: boolean;
  /** Asked behind a list that was served already: no call of the person's. */
  readonly unasked?: boolean;
}

interface Known {
  readonly listed: Listed;
  /** Of the monotonic clock. */
  readonly at: number;
  readonly config: McpCall['upstream']['config'];
}

interface Flight {
  readonly listed: Promise<Listed>;
  readonly startedAt: number;
}

const most = 20_000;
const mostCharacters = 64 * 1024 * 1024;
/** Served at once and asked for again behind it. */
const freshMs = 5_000;
const usableMs = 60_000;
const askedAgainMs = 5_000;
/** How long a joined list waits for its slowest upstream. */
export const listDeadlineMs = 2_500;

/**
 * What each upstream lists for one person through one application: asked at most once at a time, kept in this
 * replica's memory, never shown to anybody else.
 */
export class Catalogues {
  readonly #known = new Map<string, Known>();
  #characters = 0;
  readonly #flights = new Map<string, Flight>();

  constructor(
    private readonly deps: McpDeps & { readonly listDeadlineMs?: number },
    private readonly peers: Peers,
    private readonly changes: ListChanges,
  ) {}

  /** The first page: without a promise where it is known. */
  list(asking: Asking, method: ListMethod): Listed | Promise<Listed> {
    // What somebody brings is kept nowhere, and neither is what it shows.
    if (asking.call.brought !== undefined) return this.next(asking, method, undefined);
    const key = keyOf(asking, method);
    const known = this.#known.get(key);
    const age = known === undefined ? Infinity : this.deps.clock.monotonicMs() - known.at;
    const current = known !== undefined && isSame(known.config, asking.call.upstream.config);
    if (!current || age > lifeOf(known.listed)) return this.#inTime(asking, method, known?.listed);
    if (age > Math.max(freshMs, known.listed.page?.ttlMs ?? 0)) void this.#refresh(asking, method);
    return known.listed;
  }

  /** A page that is not kept: a further one, as the upstream's own cursor says. */
  async next(asking: Asking, method: ListMethod, cursor: string | undefined): Promise<Listed> {
    const asked = this.#ask(asking, method, cursor === undefined ? {} : { cursor });
    return (await inTime(asked, this.#deadlineMs)) ?? unavailable(undefined);
  }

  /** What was listed for this person last; nothing is asked. */
  remembered(asking: Pick<Asking, 'call'>, method: ListMethod): ListedPage | undefined {
    return this.#known.get(keyOf(asking, method))?.listed.page;
  }

  /** Asked anew next time; what was known stays the last known. */
  outdate(sharer: string): void {
    for (const method of Object.keys(listKinds)) {
      const known = this.#known.get(`${sharer} ${method}`);
      if (known !== undefined) this.#known.set(`${sharer} ${method}`, { ...known, at: -Infinity });
    }
  }

  outdatePerson(issuer: string, subject: string): void {
    const prefix = personPrefix(issuer, subject);
    for (const [key, known] of this.#known)
      if (key.startsWith(prefix)) this.#known.set(key, { ...known, at: -Infinity });
  }

  get #deadlineMs(): number {
    return this.deps.listDeadlineMs ?? listDeadlineMs;
  }

  /** One slow upstream does not hold up the others: what comes late is announced. */
  async #inTime(asking: Asking, method: ListMethod, last: Listed | undefined): Promise<Listed> {
    const { listed, startedAt } = this.#flight(asking, method);
    const left = this.#deadlineMs - (this.deps.clock.monotonicMs() - startedAt);
    const first = await inTime(listed, left);
    if (first !== undefined) return first;
    void listed.then(({ state }) => {
      if (state === 'listed') this.#announce(asking, method);
    });
    return unavailable(last?.page);
  }

  async #refresh(asking: Asking, method: ListMethod): Promise<void> {
    const before = this.remembered(asking, method);
    const { page, state } = await this.#flight({ ...asking, unasked: true }, method).listed;
    const same = before !== undefined && page !== undefined && page.equals(before);
    if (!same && state !== 'unavailable') this.#announce(asking, method);
  }

  #announce({ call }: Asking, method: ListMethod): void {
    this.changes.announce(personOf(call.caller), [listKinds[method].changes]);
  }

  #flight(asking: Asking, method: ListMethod): Flight {
    const key = keyOf(asking, method);
    const flying = this.#flights.get(key);
    if (flying !== undefined) return flying;
    const listed = this.#fetch(asking, method).finally(() => this.#flights.delete(key));
    const flight = { listed, startedAt: this.deps.clock.monotonicMs() };
    this.#flights.set(key, flight);
    return flight;
  }

  async #fetch(asking: Asking, method: ListMethod): Promise<Listed> {
    const key = keyOf(asking, method);
    const listed = await this.#ask(asking, method, {}).catch(() => unavailable(undefined));
    const page = listed.page ?? this.#known.get(key)?.listed.page;
    const { config } = asking.call.upstream;
    const known = { listed: { ...listed, page }, at: this.deps.clock.monotonicMs(), config };
    this.#keep(key, known);
    return known.listed;
  }

  #keep(key: string, known: Known): void {
    this.#drop(key);
    this.#known.set(key, known);
    this.#characters += known.listed.page?.characters ?? 0;
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= most && this.#characters <= mostCharacters) return;
      this.#drop(oldest);
    }
  }

  #drop(key: string): void {
    this.#characters -= this.#known.get(key)?.listed.page?.characters ?? 0;
    this.#known.delete(key);
  }

  async #ask(
    { call, client, asPerson, unasked = isNobody(call.caller) }: Asking,
    method: ListMethod,
    params: { readonly cursor?: string },
  ): Promise<Listed> {
    const person = unasked ? undefined : personKey(call.caller);
    const counted = this.deps.limits?.count(person, call.upstream.config);
    if (counted?.kind === 'limited') return unavailable(undefined);
    const own = asPerson ? await borrow(this.deps, call, { interaction: 'none' }) : undefined;
    if (own !== undefined && own.kind !== 'credential' && own.kind !== 'interaction')
      return unavailable(undefined);
    const credential = own?.kind === 'credential' ? own : await this.#discovery(call);
    if (credential === undefined) return { state: 'unconnected', page: undefined };
    // What is the service's own must not be replaced by the person's.
    const lent = own?.kind === 'credential' ? call : { ...call, lentPublicly: true };
    const answer = await this.peers.request(
      { call: lent, client, credential },
      {
        id: requestIds.next(),
        method,
        params,
        // Others may wait for the same list: it outlives the client that asked first.
        signal: AbortSignal.timeout(call.upstream.config.timeoutMs),
        wish: { interaction: 'none' },
      },
    );
    const listed = this.#listedIn(call, method, answer);
    if (method === 'tools/list' && listed.page !== undefined) await this.#noted(call, listed.page);
    return listed;
  }

  /** Where changes of the tools matter, the vault is told of what is new before anybody sees it. */
  #noted({ upstream: { config } }: McpCall, page: ListedPage): Promise<void> | undefined {
    const { inventory } = this.deps;
    if (inventory === undefined || (config.toolChanges ?? 'ignore') === 'ignore') return undefined;
    // Numbers as every other reader of the list has them: fingerprints are compared between replicas.
    const tools = JSON.parse(printExact(page.entries)) as SeenTool[];
    return inventory.seen(config, tools);
  }

  async #discovery({ upstream }: McpCall): Promise<BorrowedCredential | undefined> {
    if (!upstream.config.discovery) return undefined;
    const service = await this.deps.credentials.borrowService(upstream.config, 'discovery');
    return service.kind === 'credential' ? service : undefined;
  }

  #listedIn({ upstream }: McpCall, method: ListMethod, answer: PeerAnswer): Listed {
    const { slug } = upstream.config;
    switch (answer.kind) {
      case 'result':
        return { state: 'listed', page: new ListedPage(slug, method, answer.result) };
      case 'error':
        // A server that has none of this kind does not know the method.
        return answer.error.code === -32601
          ? { state: 'listed', page: new ListedPage(slug, method, {}) }
          : unavailable(undefined);
      case 'no-credential':
        return answer.answer.kind === 'interaction'
          ? { state: 'unconnected', page: undefined }
          : unavailable(undefined);
      case 'failed':
        return unavailable(undefined);
    }
  }
}

/** How a visible upstream may be asked for its lists: as the person only where they may call it. */
export function askingAt(call: FederatedCall, { upstream, access }: VisibleUpstream): Asking {
  const at = callAt(call, upstream);
  // Guests share one list, which is asked for as nobody in particular.
  if (access.kind === 'guest')
    return { call: { ...at, caller: nobody }, client: guestsProfile, asPerson: true };
  return { call: at, client: call.client, asPerson: access.kind === 'allowed' };
}

// Each snapshot brings new objects, mostly with the old contents.
function isSame(one: Known['config'], other: Known['config']): boolean {
  return one === other || isDeepStrictEqual(one, other);
}

function keyOf({ call }: Pick<Asking, 'call'>, method: ListMethod): string {
  return `${sharerOf(call)} ${method}`;
}

function unavailable(page: ListedPage | undefined): Listed {
  return { state: 'unavailable', page };
}

function lifeOf({ state, page }: Listed): number {
  return state === 'listed' ? Math.max(usableMs, page?.ttlMs ?? 0) : askedAgainMs;
}
