import type { Person } from '#lib/testing/stack-person';

/** A streamed answer of the tool, read until somebody ends it. */
export interface OpenStream {
  readonly ended: boolean;
  close(): void;
}

export async function openStream(person: Person, gateway: number): Promise<OpenStream> {
  const abort = new AbortController();
  const answer = await person.call('tool-0', gateway, '/stream', abort.signal);
  let ended = answer.status !== 200;
  void drained(answer).finally(() => (ended = true));
  return {
    get ended() {
      return ended;
    },
    close: () => abort.abort(),
  };
}

async function drained(answer: Response): Promise<void> {
  try {
    await answer.body?.pipeTo(new WritableStream());
  } catch {
    return;
  }
}
