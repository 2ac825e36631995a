const words: Readonly<Record<string, string>> = {
  openid: 'see who you are there',
  profile: 'see who you are there',
  email: 'see your email address there',
  offline_access: 'stay connected while you are away',
};

export interface ScopeWords {
  /** Scopes that we can say in plain words, without repetition. */
  readonly plain: readonly string[];
  /** Scopes whose meaning only the provider knows: shown by name. */
  readonly named: readonly string[];
}

export function scopeWords(scopes: readonly string[]): ScopeWords {
  const plain = scopes.flatMap((scope) => words[scope] ?? []);
  return {
    plain: [...new Set(plain)],
    named: scopes.filter((scope) => !(scope in words)),
  };
}
