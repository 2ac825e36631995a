/** Begins the client id of every application that registered itself at the vault. */
const prefix = 'self-registered:';

export function selfRegisteredId(name: string, random: string): string {
  const readable = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 32);
  return `${prefix}${readable}:${random}`;
}

/**
 * Whether anybody could have come by this client id. A pattern that an admin wrote for the clients of a corporate
 * issuer says nothing of those: only their whole id makes one of them known.
 */
export function isSelfRegistered(clientId: string): boolean {
  return clientId.startsWith(prefix);
}
