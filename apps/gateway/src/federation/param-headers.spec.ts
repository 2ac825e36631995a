import { expect, test } from 'vitest';
import { paramHeaders } from './param-headers.js';

const schema = {
  type: 'object',
  properties: {
    region: { type: 'string', 'x-mcp-header': 'Region' },
    limits: { type: 'object', properties: { rows: { type: 'integer', 'x-mcp-header': 'Rows' } } },
    plain: { type: 'string' },
    evil: { type: 'string', 'x-mcp-header': 'a: b\r\nauthorization' },
  },
};

test('a header says what the argument says, however deep', () => {
  const args = { region: 'eu', limits: { rows: 5 }, plain: 'x', evil: 'x' };
  expect(paramHeaders(schema, args)).toEqual({ 'mcp-param-region': 'eu', 'mcp-param-rows': '5' });
});

test('header injection: what a header cannot carry is encoded', () => {
  expect(paramHeaders(schema, { region: 'a\r\nb' })).toEqual({
    'mcp-param-region': `=?base64?${Buffer.from('a\r\nb').toString('base64')}?=`,
  });
});

test.each([
  [undefined, { region: 'eu' }],
  [schema, undefined],
  [schema, { region: null }],
])('nothing declared or nothing given: no header', (given, args) => {
  expect(paramHeaders(given, args)).toEqual({});
});
