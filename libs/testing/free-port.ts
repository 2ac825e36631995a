import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

// Below what Linux, macOS and Windows give to outgoing connections: nobody's call takes the port
// between this answer and the process that is to listen there. Browsers and fetch block none of these.
const first = 20_000;
const end = 32_768;

/** A TCP port of 127.0.0.1 that nobody listens at and no other caller of this is given. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(first, end);
    if ((await reservePort(port)) && (await canListen(port))) return port;
  }
}

/**
 * False if this or another process has reserved the same number. What holds it until this process
 * ends is a UDP socket: the kernel gives each number once, and TCP has numbers of its own.
 */
export function reservePort(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const holder = createSocket('udp4');
    holder.once('error', (error) => {
      holder.close();
      if (isTaken(error)) resolve(false);
      else reject(error);
    });
    holder.bind({ port, address: '127.0.0.1', exclusive: true }, () => {
      holder.unref();
      resolve(true);
    });
  });
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error) => (isTaken(error) ? resolve(false) : reject(error)));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

function isTaken(error: NodeJS.ErrnoException): boolean {
  return error.code === 'EADDRINUSE' || error.code === 'EACCES';
}
