import pg from 'pg';

export interface Login {
  readonly name: string;
  readonly password: string;
  /** The group role that it gets its rights from. */
  readonly memberOf: string;
}

/** Makes the login, or gives the one that is there this password and membership. `url`: of the superuser. */
export async function ensureLogin(url: string, login: Login): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const name = client.escapeIdentifier(login.name);
    const password = client.escapeLiteral(login.password);
    const found = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [login.name]);
    await client.query(
      `${found.rowCount === 0 ? 'CREATE' : 'ALTER'} ROLE ${name} LOGIN PASSWORD ${password}`,
    );
    await client.query(`GRANT ${client.escapeIdentifier(login.memberOf)} TO ${name}`);
  } finally {
    await client.end();
  }
}

/** The same database, by another login. */
export function urlOf(url: string, { name, password }: Pick<Login, 'name' | 'password'>): string {
  const address = new URL(url);
  address.username = encodeURIComponent(name);
  address.password = encodeURIComponent(password);
  return address.href;
}
