import type { LookupAddress, LookupOptions } from 'node:dns';
import { isIP } from 'node:net';
import { rootCertificates } from 'node:tls';
import { callbackify } from 'node:util';
import { Agent, buildConnector, type Dispatcher } from 'undici';
import type { AddressRules, UrlRefusal } from './address-rules.js';
import { BoundedPool } from './bounded-pool.js';
import { guardedConnector } from './guarded-connector.js';
import { OutboundError } from './outbound-error.js';
import { PlainOrigins } from './plain/plain-origins.js';

export type Resolve = (host: string) => Promise<string[]>;
type LookupCallback = (
  error: Error | null,
  address: string | LookupAddress[],
  family?: number,
) => void;

interface Checks {
  readonly rules: AddressRules;
  readonly resolve: Resolve;
  readonly ca?: string;
}

const connectTimeoutMs = 5_000;
// Node's default gives each address 250 ms, too little for a far TLS server when IPv6 is broken.
const nextAddressAfterMs = 1_000;

/**
 * A pooled agent whose sockets only ever reach addresses that the rules permit: the lookup resolves, judges all
 * answers and hands the very same addresses to the socket, so a name that changes its mind (DNS rebinding) gains
 * nothing. The work is done once per connection, not per request. Plain requests of handlers that know controllers do not
 * pass through undici (`plain/`).
 */
export class CheckedAgent extends Agent {
  readonly #plain: PlainOrigins;

  constructor(
    rules: AddressRules,
    resolve: Resolve,
    { ca, connections }: { readonly ca?: string; readonly connections?: number } = {},
  ) {
    const connectorOf = (origin: URL) => checkedConnector(origin, { rules, resolve, ca });
    const plain = new PlainOrigins({ connectorOf, connections: connections ?? Infinity });
    super({
      factory: (given) => {
        const url = new URL(given);
        const others = () => plain.busyAt(url.origin);
        const connect = guardedConnector(connectorOf(url));
        const pool = new BoundedPool(url, { connect, connections, others });
        plain.beside(pool, url.origin);
        return pool;
      },
    });
    this.#plain = plain;
  }

  override dispatch(
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ): boolean {
    if (!this.destroyed && !this.closed && this.#plain.dispatch(options, handler)) return true;
    return super.dispatch(options, handler);
  }

  /** Everything under way ends. */
  async end(): Promise<void> {
    this.#plain.destroy();
    await this.destroy();
  }
}

function checkedConnector(origin: URL, { rules, resolve, ca }: Checks): buildConnector.connector {
  // The `lookup` hook is never called for an address literal: the text is judged before there is a socket.
  const refusal = rules.checkText(origin.origin);
  const connect = buildConnector({
    timeout: connectTimeoutMs,
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: nextAddressAfterMs,
    ...(ca === undefined ? {} : { ca: [...rootCertificates, ca] }),
    lookup: checkedLookup(origin, rules, resolve),
  });
  return (options, callback) => {
    if (refusal === undefined) connect(options, callback);
    else queueMicrotask(() => callback(refused(origin, refusal), null));
  };
}

function checkedLookup(origin: URL, rules: AddressRules, resolve: Resolve) {
  // A resolver that hangs takes one thread of the few that all share, not one per connection.
  let flight: Promise<LookupAddress[]> | undefined;
  const checked = async (host: string): Promise<LookupAddress[]> => {
    const addresses = await resolve(host);
    const refusal = rules.checkAddresses(origin, addresses);
    if (refusal !== undefined) throw refused(origin, refusal);
    return addresses.map((address) => ({ address, family: isIP(address) }));
  };
  return (host: string, options: LookupOptions, callback: LookupCallback): void => {
    const found = (flight ??= checked(host).finally(() => (flight = undefined)));
    if (options.all === true) callbackify(() => found)(callback);
    else
      callbackify(() => found)((error, all) =>
        callback(error, all?.[0]?.address ?? '', all?.[0]?.family),
      );
  };
}

function refused(url: URL, refusal: UrlRefusal): OutboundError {
  const code = refusal.code === 'unresolvable' ? 'unreachable' : 'refused-address';
  return new OutboundError(code, `${url.origin}: ${refusal.detail}`);
}
