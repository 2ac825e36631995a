import type { Server } from 'node:http';

export interface Drain {
  /** Refuses new connections; resolves when the last answer is given, or with `latest`. */
  begin(latest: Promise<unknown>): Promise<void>;
}

const idleCheckMs = 250;

/**
 * R6: once draining has begun, each answer ends its connection. A client that kept one would go on asking here
 * until it is cut off in the middle of a question.
 */
export function drainConnections(...servers: readonly Server[]): Drain {
  let draining = false;
  // Before anybody writes a head.
  for (const server of servers)
    server.prependListener('request', (_request, response) => {
      if (draining) response.shouldKeepAlive = false;
    });
  return {
    begin: async (latest) => {
      draining = true;
      const closed = servers.map(
        (server) => new Promise<void>((resolve) => void server.close(() => resolve())),
      );
      // Those that were answering when it began are idle only later.
      const timer = setInterval(() => {
        for (const server of servers) server.closeIdleConnections();
      }, idleCheckMs);
      await Promise.race([Promise.all(closed), latest]);
      clearInterval(timer);
    },
  };
}
