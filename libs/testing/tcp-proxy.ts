import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface TcpProxyOptions {
  /** Ports of 127.0.0.1, taken in turn; one that refuses is passed over, as a load balancer does. */
  readonly targets: () => readonly number[];
  /** Default: a free one. */
  readonly port?: number;
}

type Condition = 'open' | 'cut' | 'frozen';

/** A line between two processes that an experiment can cut, freeze or slow down. */
export class TcpProxy {
  readonly #pairs = new Set<Pair>();
  #condition: Condition = 'open';
  #delayMs = 0;
  #turn = 0;

  private constructor(
    private readonly server: Server,
    private readonly targets: () => readonly number[],
    readonly port: number,
  ) {}

  static async start({ targets, port = 0 }: TcpProxyOptions): Promise<TcpProxy> {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
    const self = new TcpProxy(server, targets, (server.address() as AddressInfo).port);
    server.on('connection', (client) => void self.#accept(client));
    return self;
  }

  get isCut(): boolean {
    return this.#condition === 'cut';
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Resets what is open and whatever comes. */
  cut(): void {
    this.#condition = 'cut';
    for (const pair of this.#pairs) pair.destroy();
  }

  /** Everything stays open and nothing arrives, as when packets are lost. */
  freeze(): void {
    this.#condition = 'frozen';
  }

  /** Each piece of data arrives so much later, both ways. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  /** As if nothing had been; what was frozen arrives. */
  mend(): void {
    this.#condition = 'open';
    this.#delayMs = 0;
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => void this.server.close(() => resolve()));
    this.cut();
    await closed;
  }

  async #accept(client: Socket): Promise<void> {
    client.on('error', () => client.destroy());
    if (this.isCut) return void client.resetAndDestroy();
    client.pause();
    const onward = await this.#dial();
    if (onward === undefined) return void client.resetAndDestroy();
    const pair = new Pair(client, onward, {
      isFrozen: () => this.#condition === 'frozen',
      delayMs: () => this.#delayMs,
    });
    this.#pairs.add(pair);
    pair.onEnd(() => this.#pairs.delete(pair));
    if (this.isCut) pair.destroy();
  }

  async #dial(): Promise<Socket | undefined> {
    const targets = this.targets();
    this.#turn += 1;
    for (let i = 0; i < targets.length; i += 1) {
      const port = targets[(this.#turn + i) % targets.length];
      const socket = port === undefined ? undefined : await dialled(port);
      if (socket) return socket;
    }
    return undefined;
  }
}

interface Line {
  readonly isFrozen: () => boolean;
  readonly delayMs: () => number;
}

const frozenPollMs = 20;

class Pair {
  constructor(
    private readonly client: Socket,
    private readonly onward: Socket,
    private readonly line: Line,
  ) {
    for (const socket of [client, onward]) socket.setNoDelay(true);
    this.#carry(client, onward);
    this.#carry(onward, client);
  }

  onEnd(done: () => void): void {
    this.client.once('close', done);
  }

  destroy(): void {
    this.client.resetAndDestroy();
    this.onward.resetAndDestroy();
  }

  #carry(from: Socket, to: Socket): void {
    let last = Promise.resolve();
    const inOrder = (work: () => void) => {
      const dueMs = performance.now() + this.line.delayMs();
      last = last.then(() => this.#passage(dueMs)).then(work);
    };
    from.on('data', (chunk: Buffer) => inOrder(() => void (to.writable && to.write(chunk))));
    from.on('end', () => inOrder(() => void to.end()));
    from.on('close', () => inOrder(() => void to.destroy()));
    from.on('error', () => from.destroy());
    from.resume();
  }

  async #passage(dueMs: number): Promise<void> {
    const waitMs = dueMs - performance.now();
    if (waitMs > 1) await sleep(waitMs);
    while (this.line.isFrozen()) await sleep(frozenPollMs);
  }
}

function dialled(port: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    socket.pause();
    socket.once('connect', () => resolve(socket));
    socket.once('error', () => resolve(undefined));
  });
}
