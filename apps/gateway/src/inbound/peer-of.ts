import type { IncomingMessage } from 'node:http';

/** The network that a connection comes from: an IPv4 address, or the first 64 bits of an IPv6 one. */
export function peerOf({ socket }: Pick<IncomingMessage, 'socket'>): string {
  const address = (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
  return address.includes(':') ? networkOf(address) : address;
}

function networkOf(address: string): string {
  const [head = '', tail = ''] = address.split('::');
  const front = head === '' ? [] : head.split(':');
  const back = tail === '' ? [] : tail.split(':');
  const zeros = address.includes('::')
    ? Array<string>(8 - front.length - back.length).fill('0')
    : [];
  return [...front, ...zeros, ...back].slice(0, 4).join(':');
}
