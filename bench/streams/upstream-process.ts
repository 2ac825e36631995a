import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { UpstreamConfig } from '#lib/contract/config-snapshot';
import type { StreamOrder } from './stream-upstream.js';

/** The upstream of streams, in a process of its own. */
export class UpstreamProcess {
  private constructor(
    private readonly child: ChildProcess,
    readonly origin: string,
  ) {}

  static async start(): Promise<UpstreamProcess> {
    const child = fork(fileURLToPath(new URL('./stream-upstream.js', import.meta.url)));
    const [port] = (await once(child, 'message')) as [number];
    return new UpstreamProcess(child, `http://127.0.0.1:${port}`);
  }

  order(order: StreamOrder): void {
    this.child.send(order);
  }

  /** As a gateway knows it: each person calls it with a token of their own. */
  as(slug: string, type: 'http' | 'mcp'): UpstreamConfig {
    return {
      ...{ slug, name: slug, type, url: this.origin, discovery: false, timeoutMs: 10_000 },
      access: { scopes: [], claims: {} },
      credential: { type: 'oauth', scopes: ['read'] },
      inject: { header: 'authorization', scheme: 'Bearer' },
    };
  }

  stop(): void {
    this.child.kill();
  }
}
