import { buffer } from 'node:stream/consumers';
import { type LocalServer, startLocalServer } from './local-server.js';

/** A span as it came, ids in hex; `kind` and `status` as OTLP numbers them. */
export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty where it has none. */
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: number;
  readonly attributes: Readonly<Record<string, string | number>>;
  /** 2: it failed. */
  readonly status: number;
  /** Of the process that it is of. */
  readonly resource: Readonly<Record<string, string | number>>;
}

/** Hears OTLP over HTTP in Protobuf, as a collector does. */
export class TraceCollector {
  readonly spans: CollectedSpan[] = [];
  /** All that came, for what must not be in it. */
  readonly bodies: Buffer[] = [];
  /** What it answers. */
  status = 200;

  private constructor(private readonly server: LocalServer) {}

  get url(): string {
    return this.server.origin;
  }

  static async start(): Promise<TraceCollector> {
    const server = await startLocalServer(async (request, response) => {
      const body = await buffer(request);
      if (request.url === '/v1/traces' && collector.status === 200) collector.#take(body);
      response.writeHead(collector.status).end();
    });
    const collector = new TraceCollector(server);
    return collector;
  }

  stop(): Promise<void> {
    return this.server.stop();
  }

  #take(body: Buffer): void {
    this.bodies.push(body);
    for (const ofResource of messages(body, 1)) {
      const resource = attributesOf(messages(ofResource, 1)[0] ?? nothing, 1);
      for (const ofScope of messages(ofResource, 2))
        for (const span of messages(ofScope, 2)) this.spans.push(spanOf(span, resource));
    }
  }
}

const nothing = Buffer.alloc(0);

function spanOf(span: Buffer, resource: CollectedSpan['resource']): CollectedSpan {
  const text = (field: number, encoding: 'hex' | 'utf8') =>
    (messages(span, field)[0] ?? nothing).toString(encoding);
  return {
    traceId: text(1, 'hex'),
    spanId: text(2, 'hex'),
    parentSpanId: text(4, 'hex'),
    name: text(5, 'utf8'),
    kind: numbers(span, 6)[0] ?? 0,
    attributes: attributesOf(span, 9),
    status: numbers(messages(span, 15)[0] ?? nothing, 3)[0] ?? 0,
    resource,
  };
}

function attributesOf(message: Buffer, field: number): Record<string, string | number> {
  const pairs = messages(message, field).map((pair) => {
    const value = messages(pair, 2)[0] ?? nothing;
    const name = String(messages(pair, 1)[0]);
    return [name, numbers(value, 3)[0] ?? String(messages(value, 1)[0] ?? '')] as const;
  });
  return Object.fromEntries(pairs);
}

/** The length-delimited values of a field. */
function messages(message: Buffer, field: number): readonly Buffer[] {
  return fields(message).flatMap((one) =>
    one.field === field && Buffer.isBuffer(one.value) ? [one.value] : [],
  );
}

function numbers(message: Buffer, field: number): readonly number[] {
  return fields(message).flatMap((one) =>
    one.field === field && typeof one.value === 'number' ? [one.value] : [],
  );
}

interface Field {
  readonly field: number;
  readonly value: Buffer | number;
}

/** Protocol Buffers' wire format: varints, eight and four bytes, and what tells its length. */
function fields(message: Buffer): readonly Field[] {
  const found: Field[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = message[at] ?? 0;
      at += 1;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  const taken = (bytes: number): Buffer => {
    at += bytes;
    return message.subarray(at - bytes, at);
  };
  while (at < message.length) {
    const tag = varint();
    const [field, type] = [Math.floor(tag / 8), tag % 8];
    if (type === 0) found.push({ field, value: varint() });
    else found.push({ field, value: taken(type === 1 ? 8 : type === 5 ? 4 : varint()) });
  }
  return found;
}
