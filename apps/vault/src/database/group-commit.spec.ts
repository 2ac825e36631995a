import { expect, it } from 'vitest';
import type { Database, Transaction } from './database.js';
import { GroupCommit } from './group-commit.js';

/** Commits when told to. */
class SlowDatabase implements Pick<Database, 'statement'> {
  readonly commits: ((failure?: Error) => void)[] = [];

  async statement<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    const result = await work({} as Transaction);
    await new Promise<void>((resolve, reject) =>
      this.commits.push((failure) => (failure ? reject(failure) : resolve())),
    );
    return result;
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

function make(lanes: number) {
  const database = new SlowDatabase();
  const groups: number[][] = [];
  const commit = new GroupCommit<number>(
    database,
    (_tx, items) => {
      groups.push([...items]);
      return Promise.resolve();
    },
    lanes,
  );
  return { database, groups, commit };
}

it('what arrives together is one commit, what arrives meanwhile is the next', async () => {
  const { database, groups, commit } = make(1);
  const first = [commit.add(1), commit.add(2)];
  await turn();
  const second = [commit.add(3), commit.add(4), commit.add(5)];
  await turn();
  expect(groups).toEqual([[1, 2]]);
  database.commits[0]?.();
  await Promise.all(first);
  await turn();
  expect(groups).toEqual([
    [1, 2],
    [3, 4, 5],
  ]);
  database.commits[1]?.();
  await Promise.all(second);
});

it('R10: nobody hears of success before the commit, and all hear of its failure', async () => {
  const { database, commit } = make(1);
  let told = 0;
  const waiting = [commit.add(1), commit.add(2)].map((each) =>
    each.then(
      () => (told += 1),
      (error: unknown) => error,
    ),
  );
  await turn();
  await turn();
  expect(told).toBe(0);
  database.commits[0]?.(new Error('the disk is full'));
  expect(await Promise.all(waiting)).toEqual([
    expect.objectContaining({ message: 'the disk is full' }),
    expect.objectContaining({ message: 'the disk is full' }),
  ]);
  expect(told).toBe(0);
  const next = commit.add(3);
  await turn();
  database.commits[1]?.();
  await next;
});
