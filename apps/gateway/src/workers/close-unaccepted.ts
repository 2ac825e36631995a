import type { ChildProcess } from 'node:child_process';

interface Connection {
  close(): void;
}

/** What node:cluster says to a worker of a new connection, and the worker's answer to it. */
interface ClusterMessage {
  readonly cmd?: unknown;
  readonly act?: unknown;
  readonly seq?: unknown;
  readonly ack?: unknown;
}

const ofCluster = 'NODE_CLUSTER';

/**
 * Closes the connections that were given to a worker and that it had not taken when it died. node:cluster forgets them
 * open, so their clients would wait for ever; where a Node says all this in other words, they do.
 */
export function closeUnaccepted(worker: ChildProcess): void {
  const given = new Map<unknown, Connection>();
  const send = worker.send.bind(worker) as (...message: readonly unknown[]) => boolean;
  const noting = (message: ClusterMessage, connection?: unknown, ...more: unknown[]): boolean => {
    const isNew = message.cmd === ofCluster && message.act === 'newconn';
    if (isNew && isConnection(connection)) given.set(message.seq, connection);
    return send(message, connection, ...more);
  };
  Object.assign(worker, { send: noting });
  worker.on('internalMessage', ({ cmd, ack }: ClusterMessage) => {
    if (cmd === ofCluster) given.delete(ack);
  });
  worker.once('exit', () => {
    for (const connection of given.values()) connection.close();
    given.clear();
  });
}

function isConnection(value: unknown): value is Connection {
  return (
    typeof value === 'object' &&
    value !== null &&
    'close' in value &&
    typeof value.close === 'function'
  );
}
