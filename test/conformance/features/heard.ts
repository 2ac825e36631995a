/** A JSON-RPC message as it came. */
export interface Heard {
  readonly id?: string | number;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: Readonly<Record<string, unknown>>;
}

interface Listening {
  onmessage?: ((message: never, extra?: never) => void) | undefined;
}

/** Every message that this transport hands to its client, from now on. */
export function listenTo(transport: Listening): Heard[] {
  const heard: Heard[] = [];
  let inner: Listening['onmessage'];
  Object.defineProperty(transport, 'onmessage', {
    get: () => inner,
    set(client: Listening['onmessage']) {
      inner = (message, extra) => {
        // A client may wrap what it set itself: then a message passes here twice.
        if (heard.at(-1) !== message) heard.push(message as Heard);
        client?.(message, extra);
      };
    },
  });
  return heard;
}

/** What is another one at each run: ids, times, tokens of sessions. */
const varying: readonly (readonly [RegExp, string])[] = [
  [/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<id>'],
  [/[0-9a-f]{32}/g, '<id>'],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, '<time>'],
  [/\d{1,2}:\d\d:\d\d [AP]M/g, '<time>'],
  [/"requestState":"[^"]+"/g, '"requestState":"<state>"'],
  [/(subscriptionId"):("[^"]+"|\d+)/g, '$1:"<id>"'],
];

/** Some blobs hold the time of day. */
function decoded(name: string, value: unknown): unknown {
  const isBlob = name === 'blob' && typeof value === 'string';
  return isBlob ? Buffer.from(value, 'base64').toString('latin1') : value;
}

/** The value as JSON, without what differs from run to run. */
export function comparable(value: unknown): unknown {
  const text = varying.reduce(
    (left, [pattern, word]) => left.replaceAll(pattern, word),
    JSON.stringify(value, decoded) ?? 'null',
  );
  return JSON.parse(text);
}
