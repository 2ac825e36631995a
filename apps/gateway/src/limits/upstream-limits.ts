import type { Clock } from '#lib/clock/clock';
import type { UpstreamConfig } from '#lib/contract/config-snapshot';
import type { CallRequest } from '../connection/exchange.js';
import { type Limited, limited, type LimitName } from './limited.js';
import { OpenCount } from './open-count.js';
import { Quota, rateFields } from './quota.js';
import { RateWindows } from './rate-windows.js';
import { oversized } from './request-sizes.js';

/** A call that was counted, and the fields that its answer shows (names and values in turn). */
export interface Counted {
  readonly kind: 'counted';
  readonly fields: readonly string[];
}

/** Somebody's place among the streams; to be left once. */
export interface StreamPlace {
  readonly kind: 'place';
  leave(): void;
}

const freePlace: StreamPlace = { kind: 'place', leave: () => undefined };

/**
 * What one person, and everybody together, may ask of one upstream. In this process's memory only: each gateway counts
 * its own. A call that is refused is not counted.
 */
export class UpstreamLimits {
  readonly #persons = new RateWindows();
  readonly #upstreams = new RateWindows();
  readonly #streams = new OpenCount();

  constructor(
    private readonly clock: Pick<Clock, 'monotonicMs'>,
    private readonly refused: (upstream: string, limit: LimitName) => void = () => undefined,
  ) {}

  /** One call of a person: sizes, then rates. Undefined where nothing is limited. `bodyBytes`: where it was read already. */
  admit(
    person: string,
    upstream: UpstreamConfig,
    request: CallRequest,
    bodyBytes?: number,
  ): Counted | Limited | undefined {
    if (upstream.limits === undefined) return undefined;
    const large = oversized(upstream, request, bodyBytes);
    return large === undefined ? this.count(person, upstream) : this.#refusal(upstream, large);
  }

  /**
   * As `admit`, for what is no request of its own: one of the upstreams that a joined call reaches. Without a person where
   * nobody in particular asked for it: then it counts among everybody's calls only.
   */
  count(person: string | undefined, upstream: UpstreamConfig): Counted | Limited | undefined {
    const { slug, name, limits } = upstream;
    if (limits?.personPerMinute === undefined && limits?.perMinute === undefined) return undefined;
    const nowMs = this.clock.monotonicMs();
    const { personPerMinute, perMinute } = limits;
    const own =
      person === undefined || personPerMinute === undefined
        ? undefined
        : new Quota('person', personPerMinute, this.#persons.of(`${slug}\0${person}`, nowMs));
    const all =
      perMinute === undefined
        ? undefined
        : new Quota('upstream', perMinute, this.#upstreams.of(slug, nowMs));
    const exceeded = own?.isUsedUp(nowMs) === true ? own : all;
    if (exceeded?.isUsedUp(nowMs) === true) {
      const who = exceeded === own ? 'You have' : 'Everybody together has';
      const limit = exceeded === own ? 'personPerMinute' : 'perMinute';
      const detail = `${who} used up the ${exceeded.most} calls to ${name} in a minute.`;
      const headers = {
        ...exceeded.retryAfter(nowMs),
        ...headersOf(rateFields(own, all, nowMs)),
      };
      return this.#refusal(
        upstream,
        limited(limit, { code: 'too-many-requests', detail, headers }),
      );
    }
    own?.count();
    all?.count();
    return { kind: 'counted', fields: rateFields(own, all, nowMs) };
  }

  /** An event stream or a WebSocket is about to open. */
  openStream(person: string, upstream: UpstreamConfig): StreamPlace | Limited {
    const { slug, name, limits } = upstream;
    const { personStreams, streams } = limits ?? {};
    if (personStreams === undefined && streams === undefined) return freePlace;
    const own = `${slug}\0${person}`;
    const again = { code: 'too-many-requests', headers: { 'retry-after': '5' } } as const;
    if (personStreams !== undefined && this.#streams.of(own) >= personStreams) {
      const detail = `You have ${personStreams} streams to ${name} open already: close one first.`;
      return this.#refusal(upstream, limited('personStreams', { ...again, detail }));
    }
    if (streams !== undefined && this.#streams.of(slug) >= streams) {
      const detail = `All ${streams} streams to ${name} are taken.`;
      return this.#refusal(upstream, limited('streams', { ...again, detail }));
    }
    return this.#place([own, slug]);
  }

  #place(keys: readonly string[]): StreamPlace {
    for (const key of keys) this.#streams.enter(key);
    let left = false;
    const leave = (): void => {
      if (left) return;
      left = true;
      for (const key of keys) this.#streams.leave(key);
    };
    return { kind: 'place', leave };
  }

  #refusal({ slug }: UpstreamConfig, refusal: Limited): Limited {
    this.refused(slug, refusal.limit);
    return refusal;
  }
}

function headersOf(fields: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (let i = 0; i < fields.length; i += 2) headers[fields[i] ?? ''] = fields[i + 1] ?? '';
  return headers;
}
