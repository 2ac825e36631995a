import { vaultEvent, type VaultEvent } from './events.js';
import { EventStreamParser, type ServerSentEvent } from './server-sent-events.js';
import { parsedJson } from './vault-answers.js';

/** The events of a body of `GET /gateway/v1/events`, until it ends; never throws. */
export async function* eventsOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<VaultEvent, void> {
  const parser = new EventStreamParser();
  try {
    for await (const chunk of body) yield* knownEvents(parser.push(chunk));
  } catch {
    // A broken connection ends the stream; the reader reconnects either way.
  }
}

// An unknown type is a newer vault's: what it changes, this gateway does not have.
function* knownEvents(messages: Iterable<ServerSentEvent>): Generator<VaultEvent, void> {
  for (const message of messages) {
    const event = vaultEvent.safeParse(parsedJson(message.data));
    if (event.success) yield event.data;
  }
}
