import { isDeepStrictEqual } from 'node:util';
import type { Who } from '../policy/tool-gate.js';
import type { Listed } from './catalogues.js';
import type { VisibleUpstream } from './joined-upstreams.js';
import type { Names } from './names.js';

/** What one upstream contributes to a joined list, before anybody's policy. */
export interface Source extends VisibleUpstream {
  readonly listed: Listed;
  /** Seen with a token that the caller brought: kept nowhere. */
  readonly isBrought?: boolean;
}

/** All that a printed list follows from. */
export interface PrintedFrom {
  readonly names: Names;
  readonly sources: readonly Source[];
  /** Whose claims and scopes the upstreams' rules looked at; undefined where there is nobody, or no rule. */
  readonly who: Who;
}

interface Printed extends PrintedFrom {
  readonly bytes: Buffer;
}

const mostBytes = 64 * 1024 * 1024;

/**
 * Joined lists as they were sent last, by person, application, kind of list and era, up to 64 MiB of them: printing
 * a thousand tools takes longer than everything else about a list that is known.
 */
export class PrintedLists {
  readonly #printed = new Map<string, Printed>();
  #bytes = 0;

  /** Undefined where anything is not as it was then. */
  find(key: string, from: PrintedFrom): Buffer | undefined {
    const printed = this.#printed.get(key);
    return printed !== undefined && isSame(printed, from) ? printed.bytes : undefined;
  }

  keep(key: string, from: PrintedFrom, bytes: Buffer): void {
    this.#drop(key);
    this.#printed.set(key, { ...from, bytes });
    this.#bytes += bytes.length;
    for (const oldest of this.#printed.keys()) {
      if (this.#bytes <= mostBytes) return;
      this.#drop(oldest);
    }
  }

  #drop(key: string): void {
    this.#bytes -= this.#printed.get(key)?.bytes.length ?? 0;
    this.#printed.delete(key);
  }
}

function isSame(one: PrintedFrom, other: PrintedFrom): boolean {
  return (
    one.names === other.names &&
    one.sources.length === other.sources.length &&
    one.sources.every((source, i) => isSameSource(source, other.sources[i])) &&
    isSameWho(one.who, other.who)
  );
}

// Lists and prepared upstreams are never changed, only replaced.
function isSameSource(one: Source, other: Source | undefined): boolean {
  return (
    one.listed === other?.listed &&
    one.upstream === other.upstream &&
    one.access.kind === other.access.kind
  );
}

function isSameWho(one: Who, other: Who): boolean {
  if (one === other) return true;
  return (
    isDeepStrictEqual(one?.scopes, other?.scopes) && isDeepStrictEqual(one?.claims, other?.claims)
  );
}
