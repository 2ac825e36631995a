import { request as ask } from 'node:http';
import type { ServerResponse } from 'node:http';
import { startLocalServer } from './local-server.js';

/** Stands between a gateway and its vault, and can take the events away without closing anything. */
export interface EventCut {
  readonly origin: string;
  /** From now on events vanish on the way; everything else passes. */
  cut(): void;
  /** Ends the silent streams, so that the gateway connects again. */
  mend(): void;
  stop(): Promise<void>;
}

export async function startEventCut(vault: string): Promise<EventCut> {
  const streams = new Set<ServerResponse>();
  let isCut = false;
  const server = await startLocalServer((request, response) => {
    const isStream = request.url === '/gateway/v1/events';
    if (isStream) streams.add(response);
    const { method, headers, url = '/' } = request;
    const onward = ask(new URL(url, vault), { method, headers }, (answer) => {
      if (isStream && isCut) return;
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.on('data', (chunk: Buffer) => {
        if (!isStream || !isCut) response.write(chunk);
      });
      answer.once('end', () => response.end());
      answer.once('error', () => response.destroy());
    });
    onward.once('error', () => response.destroy());
    response.once('close', () => {
      streams.delete(response);
      onward.destroy();
    });
    request.pipe(onward);
  });
  return {
    origin: server.origin,
    cut: () => {
      isCut = true;
    },
    mend: () => {
      isCut = false;
      for (const stream of streams) stream.destroy();
    },
    stop: () => server.stop(),
  };
}
