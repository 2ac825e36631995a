/** Somebody with an account at one of the trial's identity providers. The password is the login name. */
export interface Account {
  /** `sub`; never the same at both providers: nothing but a consent connects the two. */
  readonly subject: string;
  readonly login: string;
  readonly name: string;
  readonly email: string;
  /** Further claims of ID tokens, userinfo and access tokens. */
  readonly claims: Readonly<Record<string, unknown>>;
}

export const corporatePeople: readonly Account[] = [
  {
    subject: 'corp-1001',
    login: 'alice',
    name: 'Alice Archer',
    email: 'alice@corporate.example',
    claims: { groups: ['analysts', 'platform-admins'] },
  },
  {
    subject: 'corp-1002',
    login: 'bob',
    name: 'Bob Baker',
    email: 'bob@corporate.example',
    claims: { groups: ['analysts'] },
  },
];

export const upstreamPeople: readonly Account[] = [
  {
    subject: '7c1f0a52',
    login: 'alice@upstream',
    name: 'Alice (upstream)',
    email: 'alice@upstream.example',
    claims: { upn: 'alice@upstream' },
  },
  {
    subject: '9e44b7d0',
    login: 'bob@upstream',
    name: 'Bob (upstream)',
    email: 'bob@upstream.example',
    claims: { upn: 'bob@upstream' },
  },
];
