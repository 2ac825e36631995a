import { describe, expect, test } from 'vitest';
import { withoutQueryCredential, withQueryCredential } from './query-credential.js';

const key = ['api_key', 'a+b/c=&'] as const;
const sent = 'api_key=a%2Bb%2Fc%3D%26';

describe('a credential in the query', () => {
  test.each([
    ['/x', `/x?${sent}`],
    ['/x?', `/x?${sent}`],
    ['/x?page=2&q=%20', `/x?page=2&q=%20&${sent}`],
    ['/x?api_key=theirs', `/x?${sent}`],
    ['/x?a=1&API_KEY=theirs&api%5Fkey=theirs&b=2', `/x?a=1&b=2&${sent}`],
    ['/x?a=1;api_key=theirs;c=3', `/x?a=1;c=3&${sent}`],
    ['/x?api_key', `/x?${sent}`],
    ['/x?q=api_key=1', `/x?q=api_key=1&${sent}`],
  ])('%s goes out as %s', (path, expected) => {
    expect(withQueryCredential(path, key)).toBe(expected);
  });

  test('is in no address where there is none', () => {
    expect(withQueryCredential('/x?api_key=theirs', undefined)).toBe('/x?api_key=theirs');
    const headers = ['location', '/x?api_key=theirs'];
    expect(withoutQueryCredential(headers, undefined)).toBe(headers);
  });

  test.each([
    [
      ['location', `/x?a=1&${sent}#top`],
      ['location', '/x?a=1#top'],
    ],
    [['location', `/login?next=${encodeURIComponent(`/x?${sent}`)}`], []],
    [['location', '/x/a+b/c=&'], []],
    [['link', `</x?page=2&${sent}>; rel="next"`], []],
    [['x-url', `/x?api_key=A&other=a%2bb%2fc%3d%26`], []],
    [
      ['etag', '"1"'],
      ['etag', '"1"'],
    ],
  ])('%j comes back as %j', (header, expected) => {
    expect(withoutQueryCredential(header, key)).toEqual(expected);
  });
});
