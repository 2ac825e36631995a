import { hkdfSync, randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { openMessage, sealMessage } from './message.js';

const place = ['table', 'column'];

test('what an earlier release sealed opens', () => {
  const key = {
    id: Buffer.alloc(16, 7),
    key: Buffer.from(Array.from({ length: 32 }, (_, i) => i)),
  };
  const sealed = Buffer.from(
    'AQEHBwcHBwcHBwcHBwcHBwcHfyEzk00dgG9dPdsRhrcubSEeeMoxDF47Lu5k_ROdU1uFGLiwh5jhDlwBA_atqXpz1X' +
      '-xN-09YQAHs3ZI61lrhY6_3AQRV8EZLiCaw9TyjNtq5tb_CDlCuY4piNGiIIYm6ZyO',
    'base64url',
  );
  expect(openMessage(key, place, sealed).toString()).toBe('a token');
});

test('the commitment is the second half of what RFC 5869 derives from the key and the salt', () => {
  const key = { id: randomBytes(16), key: randomBytes(32) };
  const sealed = sealMessage(key, place, Buffer.from('a token'));
  const [salt, commitment] = [sealed.subarray(18, 50), sealed.subarray(50, 82)];
  const derived = Buffer.from(hkdfSync('sha512', key.key, salt, 'symbolon/message/1/1', 64));
  expect(commitment).toEqual(derived.subarray(32));
});
