/** Characters of what is lent: an opaque token is shorter, a JWT often longer. */
export const lentTokenBytes = 512;

/** What comparators swap a caller's token for. */
export const upstreamToken = 'x'.repeat(lentTokenBytes);
