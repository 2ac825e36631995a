import type { Socket } from 'node:net';
import { type buildConnector, errors } from 'undici';

/**
 * Connections for undici. Its parser asserts that a connection does not end while the reader of an answer pauses, and
 * nobody catches that: the whole process would end where an upstream does. Here an end waits for the reader, and of what
 * breaks off only the call fails.
 */
export function guardedConnector(connect: buildConnector.connector): buildConnector.connector {
  return (options, callback) =>
    connect(options, (...[error, socket]) => {
      if (error !== null) return callback(error, null);
      guard(socket);
      callback(null, socket);
    });
}

function guard(socket: Socket): void {
  const emit = socket.emit.bind(socket) as (event: string | symbol, ...args: unknown[]) => boolean;
  // It names no error of its own that it would try to read on after.
  const tell = (): boolean => emit('error', new errors.SocketError('closed'));
  socket.emit = (event: string | symbol, ...args: unknown[]): boolean => {
    if (event !== 'end' && event !== 'error' && event !== 'close') return emit(event, ...args);
    try {
      return emit(event, ...args);
    } catch {
      if (event === 'end') endOnceRead(socket);
      else tell();
      return event === 'close' ? emit('close', ...args) : true;
    }
  };
}

/** undici reads on once its reader has resumed. */
function endOnceRead(socket: Socket): void {
  // It would end itself now.
  socket.allowHalfOpen = true;
  const read = socket.read.bind(socket) as (size?: number) => unknown;
  socket.read = (size) => {
    socket.read = read;
    setImmediate(() => {
      if (!socket.destroyed) socket.emit('end');
    });
    return read(size);
  };
}
