import { describe, expect, test } from 'vitest';
import { Names } from './names.js';

const names = new Names([
  { slug: 'git' },
  { slug: 'git-lab', prefix: 'git_lab_' },
  { slug: 'same-1', prefix: 'same_' },
  { slug: 'same-2', prefix: 'same_' },
  { slug: 'bare', prefix: '' },
  { slug: 'evil', prefix: 'connect_' },
]);

describe('a joined name', () => {
  test.each([
    ['git', 'search', 'git_search'],
    ['git-lab', 'search', 'git_lab_search'],
    ['same-1', 'x', 'same_x'],
    ['bare', 'x.y-z', 'x.y-z'],
  ])('of %s, %s, is %s and reads back', (slug, name, joined) => {
    expect(names.joined(slug, name)).toBe(joined);
    expect(names.read(joined)).toEqual({ kind: 'plain', slug, name });
  });

  test('has the default prefix where none is registered, and the empty one where it is', () => {
    expect(new Names([{ slug: 'a-b' }]).joined('a-b', 't')).toBe('a-b_t');
    expect(new Names([{ slug: 'a', prefix: '' }]).joined('a', 't')).toBe('t');
  });

  test.each([
    ['shadowing: a name under a longer prefix of another', 'git', 'lab_search'],
    ['shadowing: the empty prefix and a full name of another', 'bare', 'git_search'],
    ['shadowing: an equal prefix', 'same-2', 'x'],
    ['spoofing: a connect tool by the empty prefix', 'bare', 'connect_git'],
    ['spoofing: a connect tool by the prefix connect_', 'evil', 'git'],
    ['spoofing: a name with a digest at its end', 'git', 'x--0123456789ab'],
    ['a name that is too long', 'git', 'x'.repeat(140)],
    ['a name with foreign characters', 'git', 'söarch me/now'],
    ['an empty name', 'bare', ''],
  ])('%s: is derived, allowed, and looked up', (_title, slug, name) => {
    const joined = names.joined(slug, name);
    expect(joined).toMatch(/^[A-Za-z0-9_.-]{1,128}$/);
    expect(joined).toMatch(/--[0-9a-f]{12}$/);
    const read = names.read(joined);
    expect(read).toMatchObject({ kind: 'derived' });
    expect(read?.kind === 'derived' && read.slugs.includes(slug)).toBe(true);
  });

  test('is never that of two tools', () => {
    const slugs = ['git', 'git-lab', 'same-1', 'same-2', 'bare', 'evil'];
    const own = [
      'x',
      'lab_x',
      'git_x',
      'same_x',
      'git',
      'connect_git',
      'x--0123456789ab',
      'git_lab_x',
    ];
    const all = slugs.flatMap((slug) => own.map((name) => names.joined(slug, name)));
    expect(new Set(all).size).toBe(all.length);
  });

  test('of a connect tool is nobody else’s', () => {
    expect(names.read('connect_git')).toEqual({ kind: 'connect', slug: 'git' });
  });
});

test('what no upstream can have is no name', () => {
  expect(new Names([{ slug: 'a' }]).read('b_x')).toBeUndefined();
  expect(new Names([{ slug: 'a' }]).read('a_')).toBeUndefined();
});
