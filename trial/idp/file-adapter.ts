import type { Adapter, AdapterFactory, AdapterPayload } from 'oidc-provider';
import type { FileStore } from './file-store.js';

/** oidc-provider's storage in a file, so that a second start finds clients, grants and refresh tokens again. */
export function fileAdapter(store: FileStore): AdapterFactory {
  return (model) => adapterOf(store, model);
}

function adapterOf(store: FileStore, model: string): Adapter {
  const prefix = `${model}:`;
  const find = (id: string) => store.get(prefix + id) as AdapterPayload | undefined;
  const findBy = (member: 'uid' | 'userCode', value: string) => {
    for (const key of store.keys(prefix)) {
      const payload = store.get(key) as AdapterPayload;
      if (payload[member] === value) return payload;
    }
    return undefined;
  };
  return {
    upsert: (id, payload, expiresIn) => store.set(prefix + id, payload, expiresIn || undefined),
    find: (id) => Promise.resolve(find(id)),
    findByUid: (uid) => Promise.resolve(findBy('uid', uid)),
    findByUserCode: (userCode) => Promise.resolve(findBy('userCode', userCode)),
    consume: (id) =>
      store.amend(prefix + id, { ...find(id), consumed: Math.floor(Date.now() / 1000) }),
    destroy: (id) => store.delete(prefix + id),
    revokeByGrantId: (grantId) => store.delete(...membersOf(store, prefix, grantId)),
  };
}

function membersOf(store: FileStore, prefix: string, grantId: string): string[] {
  return [...store.keys(prefix)].filter(
    (key) => (store.get(key) as AdapterPayload).grantId === grantId,
  );
}
