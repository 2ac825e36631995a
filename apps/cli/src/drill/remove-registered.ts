type Admin = (method: string, path: string) => Promise<Response>;

interface Listed {
  readonly items: readonly { readonly id?: string; readonly slug?: string }[];
  readonly nextCursor?: string | null;
}

/** What refers to something goes before it. */
const collections = ['machine-clients', 'upstreams', 'oauth-clients', 'issuers'];

/** Ends the grants of a drill and deletes what it registered; answers what is left. */
export async function removeRegistered(admin: Admin, prefix: string): Promise<readonly string[]> {
  const left: string[] = [];
  for (const collection of collections)
    for (const { slug = '' } of await all(admin, collection)) {
      if (!slug.startsWith(prefix)) continue;
      if (collection === 'upstreams') await endGrants(admin, slug);
      const answer = await admin('DELETE', `${collection}/${slug}`);
      await answer.body?.cancel();
      if (!answer.ok) left.push(`${collection}/${slug} (${answer.status})`);
    }
  return left;
}

async function endGrants(admin: Admin, upstream: string): Promise<void> {
  for (const { id } of await all(admin, `grants?upstream=${upstream}`)) {
    const answer = await admin('DELETE', `grants/${id}`);
    await answer.body?.cancel();
  }
}

async function all(admin: Admin, path: string): Promise<Listed['items']> {
  const items: Listed['items'][number][] = [];
  let cursor: string | null | undefined;
  do {
    const page = cursor ? `${path.includes('?') ? '&' : '?'}cursor=${cursor}` : '';
    const answer = await admin('GET', path + page);
    if (!answer.ok) throw new Error(`GET ${path}: ${answer.status}`);
    const listed = (await answer.json()) as Listed;
    items.push(...listed.items);
    cursor = listed.nextCursor;
  } while (cursor);
  return items;
}
