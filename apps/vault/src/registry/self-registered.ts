import { selfRegistered } from '#lib/access/vouching-pattern';

export function selfRegisteredId(name: string, random: string): string {
  const readable = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 32);
  return `${selfRegistered}${readable}:${random}`;
}

/** Whether it is the id of a client that registered itself here. */
export function isSelfRegistered(clientId: string): boolean {
  return clientId.startsWith(selfRegistered);
}
