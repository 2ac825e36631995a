import { isIPv4, isIPv6 } from 'node:net';

/**
 * `forbidden`: link-local, cloud metadata, multicast, broadcast: never, whoever asks.
 * `special`: everything else that is no public unicast address (private, shared, documentation, translated).
 */
export type AddressKind = 'public' | 'loopback' | 'special' | 'forbidden';

type Range = readonly [network: string, bits: number, kind: AddressKind];

// Most specific first: the first range that holds the address decides.
const rangesV4: readonly Range[] = [
  ['168.63.129.16', 32, 'forbidden'], // Azure's wire server, a public address that only answers inside
  ['100.100.100.200', 32, 'forbidden'], // Alibaba's metadata
  ['192.0.0.192', 32, 'forbidden'], // Oracle's metadata
  ['169.254.0.0', 16, 'forbidden'],
  ['224.0.0.0', 4, 'forbidden'],
  ['255.255.255.255', 32, 'forbidden'],
  ['127.0.0.0', 8, 'loopback'],
  ['0.0.0.0', 8, 'special'],
  ['10.0.0.0', 8, 'special'],
  ['100.64.0.0', 10, 'special'],
  ['172.16.0.0', 12, 'special'],
  ['192.0.0.0', 24, 'special'],
  ['192.0.2.0', 24, 'special'],
  ['192.31.196.0', 24, 'special'],
  ['192.52.193.0', 24, 'special'],
  ['192.88.99.0', 24, 'special'],
  ['192.168.0.0', 16, 'special'],
  ['192.175.48.0', 24, 'special'],
  ['198.18.0.0', 15, 'special'],
  ['198.51.100.0', 24, 'special'],
  ['203.0.113.0', 24, 'special'],
  ['240.0.0.0', 4, 'special'],
  ['0.0.0.0', 0, 'public'],
];

const rangesV6: readonly Range[] = [
  ['fd00:ec2::', 32, 'forbidden'], // AWS's metadata
  ['fd20:ce::', 32, 'forbidden'], // Google's metadata
  ['fd00:42::42', 128, 'forbidden'], // Scaleway's metadata
  ['fd00:c1::a9fe:a9fe', 128, 'forbidden'], // Oracle's metadata
  ['fe80::', 10, 'forbidden'],
  ['ff00::', 8, 'forbidden'],
  ['::1', 128, 'loopback'],
  ['2001::', 23, 'special'], // IETF protocol assignments, Teredo among them
  ['2001:db8::', 32, 'special'],
  ['2002::', 16, 'special'],
  ['2620:4f:8000::', 48, 'special'],
  ['3fff::', 20, 'special'],
  ['2000::', 3, 'public'],
  ['::', 0, 'special'],
];

// Where an IPv4 address hides inside an IPv6 one: `offset` counts the bits below it.
const embedded: readonly { network: string; bits: number; offset: bigint }[] = [
  { network: '::ffff:0:0', bits: 96, offset: 0n }, // v4-mapped
  { network: '::ffff:0:0:0', bits: 96, offset: 0n }, // v4-translated (RFC 2765)
  { network: '::', bits: 96, offset: 0n }, // v4-compatible
  { network: '64:ff9b::', bits: 96, offset: 0n }, // NAT64 (RFC 6052)
  { network: '64:ff9b:1::', bits: 48, offset: 0n }, // local NAT64 (RFC 8215), /96 prefixes
  { network: '2002::', bits: 16, offset: 80n }, // 6to4
];

/** What kind of address this is. Anything that does not parse is `forbidden`. */
export function addressKind(address: string): AddressKind {
  if (isIPv4(address)) return kindV4(numberOfV4(address));
  if (isIPv6(address) && !address.includes('%')) return kindV6(numberOfV6(address));
  return 'forbidden';
}

function kindV4(value: bigint): AddressKind {
  return firstRange(v4, value, 32);
}

function kindV6(value: bigint): AddressKind {
  const own = firstRange(v6, value, 128);
  if (own === 'loopback' || own === 'forbidden') return own;
  // A translator would carry the packet to the IPv4 address: link-local and metadata stay out of reach there too.
  const hidesForbidden = hidden.some(
    ({ network, bits, offset }) =>
      inNetwork(value, network, bits, 128) &&
      kindV4((value >> offset) & 0xffffffffn) === 'forbidden',
  );
  return hidesForbidden ? 'forbidden' : own;
}

interface ParsedRange {
  readonly network: bigint;
  readonly bits: number;
  readonly kind: AddressKind;
}

function firstRange(ranges: readonly ParsedRange[], value: bigint, width: number): AddressKind {
  const found = ranges.find(({ network, bits }) => inNetwork(value, network, bits, width));
  return found === undefined ? 'forbidden' : found.kind;
}

function inNetwork(value: bigint, network: bigint, bits: number, width: number): boolean {
  const shift = BigInt(width - bits);
  return value >> shift === network >> shift;
}

function numberOfV4(address: string): bigint {
  return address.split('.').reduce((sum, octet) => (sum << 8n) | BigInt(Number(octet)), 0n);
}

function numberOfV6(address: string): bigint {
  const [head = '', tail] = withoutDottedTail(address).split('::');
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => 0n);
  return [...left, ...zeros, ...right].reduce((sum, group) => (sum << 16n) | group, 0n);
}

/** `::ffff:127.0.0.1` as `::ffff:7f00:1`. */
function withoutDottedTail(address: string): string {
  const start = address.lastIndexOf(':') + 1;
  const last = address.slice(start);
  if (!last.includes('.')) return address;
  const value = numberOfV4(last);
  return `${address.slice(0, start)}${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`;
}

function groups(part: string): bigint[] {
  return part === '' ? [] : part.split(':').map((group) => BigInt(`0x${group}`));
}

const v4 = rangesV4.map(([network, bits, kind]) => ({ network: numberOfV4(network), bits, kind }));
const v6 = rangesV6.map(([network, bits, kind]) => ({ network: numberOfV6(network), bits, kind }));
const hidden = embedded.map((entry) => ({ ...entry, network: numberOfV6(entry.network) }));
