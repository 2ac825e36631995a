import type { Peer } from './peer.js';

const call = {
  jsonrpc: '2.0',
  id: 'resumed',
  method: 'tools/call',
  params: {
    name: 'trigger-long-running-operation',
    arguments: { duration: 0.6, steps: 3 },
    _meta: { progressToken: 'resumed' },
  },
};

/** Leaves the stream of a call after its first event, and comes back with the id of that event. */
export async function resumed(peer: Peer, url: string): Promise<unknown> {
  const gone = new AbortController();
  const answer = await fetch(url, {
    method: 'POST',
    headers: peer.headers(),
    body: JSON.stringify(call),
    signal: gone.signal,
  });
  const first = await read(answer, (events) => events.some(isOurs));
  gone.abort();
  // Over before it could be left: once more.
  if (hasResult(first)) return resumed(peer, url);
  const rest = await comeBack(peer, url, first.at(-1)?.id ?? '');
  return [...first, ...rest].filter(isOurs).map(({ data }) => JSON.parse(data) as unknown);
}

/** This server replays what it has by then and adds nothing: ask again until the result is among it. */
async function comeBack(
  peer: Peer,
  url: string,
  lastEventId: string,
): Promise<readonly SentEvent[]> {
  for (;;) {
    const signal = AbortSignal.timeout(500);
    const headers = { ...peer.headers(), 'last-event-id': lastEventId };
    // A busy machine may not answer within its time.
    const stream = await fetch(url, { headers, signal }).catch(() => undefined);
    const events = stream === undefined ? [] : await read(stream, hasResult);
    if (hasResult(events)) return events;
  }
}

const isOurs = ({ data }: Pick<SentEvent, 'data'>): boolean => data.includes('"resumed"');

const hasResult = (events: readonly SentEvent[]): boolean =>
  events.some((event) => isOurs(event) && event.data.includes('"result"'));

interface SentEvent {
  readonly id: string;
  readonly data: string;
}

async function read(
  answer: Response,
  enough: (events: readonly SentEvent[]) => boolean,
): Promise<readonly SentEvent[]> {
  let text = '';
  const decoder = new TextDecoder();
  try {
    for await (const chunk of answer.body ?? []) {
      text += decoder.decode(chunk as Uint8Array, { stream: true });
      if (enough(eventsOf(text))) break;
    }
  } catch {
    // Its time is over.
  }
  return eventsOf(text);
}

function eventsOf(text: string): readonly SentEvent[] {
  return text
    .split('\n\n')
    .slice(0, -1)
    .map((event) => ({ id: field(event, 'id'), data: field(event, 'data') }));
}

function field(event: string, name: string): string {
  return new RegExp(`^${name}: ?(.*)$`, 'm').exec(event)?.[1] ?? '';
}
