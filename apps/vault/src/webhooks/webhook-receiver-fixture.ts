import type { IncomingMessage, ServerResponse } from 'node:http';
import { Webhook } from 'standardwebhooks';
import { readBody, startLocalServer } from '#lib/testing/local-server';

export interface Received {
  readonly id: string;
  readonly body: string;
  readonly headers: IncomingMessage['headers'];
}

/** A receiver of webhooks over real HTTP, with answers that a spec scripts: statuses, or never any. */
export class WebhookReceiver {
  readonly received: Received[] = [];
  /** For each request the next of these, then 204. */
  readonly script: ('hang' | number | { status: number; headers: Record<string, string> })[] = [];

  private constructor(
    readonly url: string,
    readonly stop: () => Promise<void>,
  ) {}

  static async start(): Promise<WebhookReceiver> {
    const listener = (request: IncomingMessage, response: ServerResponse) =>
      self.#serve(request, response);
    const server = await startLocalServer(listener);
    const self = new WebhookReceiver(`${server.origin}/hook`, () => server.stop());
    return self;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const id = String(request.headers['webhook-id']);
    this.received.push({ id, body: await readBody(request), headers: request.headers });
    const answer = this.script.shift() ?? 204;
    if (answer === 'hang') return;
    const { status, headers } =
      typeof answer === 'number' ? { status: answer, headers: {} } : answer;
    response.writeHead(status, headers).end();
  }

  /** Ids of the messages in order of arrival. */
  get ids(): string[] {
    return this.received.map(({ id }) => id);
  }

  /** The message, if this secret signed it. Throws WebhookVerificationError. */
  verified(index: number, secret: string): Record<string, unknown> {
    const one = this.received[index];
    if (one === undefined) throw new Error(`There is no message ${index}.`);
    const headers = Object.fromEntries(
      Object.entries(one.headers).map(([name, value]) => [name, String(value)]),
    );
    return new Webhook(secret).verify(one.body, headers) as Record<string, unknown>;
  }
}

export function newWebhookSecret(seed: string): string {
  return `whsec_${Buffer.from(seed.padEnd(32, '.')).toString('base64')}`;
}
