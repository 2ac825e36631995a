import type { UpstreamConfig } from '#lib/contract/config-snapshot';
import { MeasuredGateway } from '../cold/measured-gateway.js';
import { SigningIssuer } from '../cold/signing-issuer.js';
import { type Listening, listening } from './listening.js';

/** Gateways whose vault hands out a token for everybody, with what they stand in front of; callers have ES256 tokens. */
export class GatewayUnderLoad {
  readonly #running: { stop(): unknown }[] = [];

  private constructor(private readonly issuer: SigningIssuer) {
    this.#running.push(issuer);
  }

  static async open(): Promise<GatewayUnderLoad> {
    return new GatewayUnderLoad(await SigningIssuer.start('ES256'));
  }

  /** Another program of bench/, such as `backend.js`, as a process of its own; it sends its port. */
  async child(file: string, ...args: string[]): Promise<Listening> {
    return this.#keep(await listening(file, ...args));
  }

  async gateway(
    upstreams: readonly UpstreamConfig[],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<MeasuredGateway> {
    return this.#keep(await MeasuredGateway.start([this.issuer.config], upstreams, environment));
  }

  /** Tokens of so many people, good at `audience`. */
  tokens(people: number, audience: string): string[] {
    return Array.from({ length: people }, (_, i) => this.issuer.token(`person-${i}`, audience));
  }

  async close(): Promise<void> {
    await Promise.all(this.#running.map((each) => each.stop()));
  }

  #keep<Started extends { stop(): unknown }>(started: Started): Started {
    this.#running.push(started);
    return started;
  }
}
