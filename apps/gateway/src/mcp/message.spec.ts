import { describe, expect, it } from 'vitest';
import { memberText, parseMessage, withParams, type McpRequest } from './message.js';

const request = (text: string): McpRequest => {
  const message = parseMessage(Buffer.from(text));
  if (message.kind !== 'request') throw new Error(`not a request: ${message.kind}`);
  return message;
};

describe('a JSON-RPC message', () => {
  it.each([
    ['a request', '{"jsonrpc":"2.0","id":"a","method":"ping"}', 'request'],
    ['a notification', '{"jsonrpc":"2.0","method":"notifications/initialized"}', 'notification'],
    ['a result', '{"jsonrpc":"2.0","id":1,"result":{}}', 'response'],
    ['an error', '{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":""}}', 'response'],
    [
      'white space everywhere',
      ' { "jsonrpc" : "2.0" , "id" : 1 , "method" : "ping" , "params" : { } } \n',
      'request',
    ],
    [
      'the same name in different objects',
      '{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":{"a":1},"b":[{"a":1},{"a":2}]}}',
      'request',
    ],
    [
      'braces and quotes in strings',
      String.raw`{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":"}\"{\\","b":"[\u005d"}}`,
      'request',
    ],
    [
      'a string of 900 KB',
      `{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":"${'x\\n'.repeat(300_000)}"}}`,
      'request',
    ],
  ])('%s is read', (_what, text, kind) => {
    expect(parseMessage(Buffer.from(text)).kind).toBe(kind);
  });

  it.each([
    '{"a":1,}',
    '{"a" 1}',
    '{a:1}',
    "{'a':1}",
    '[1 2]',
    '{"a":01}',
    '{"a":NaN}',
    '{"a":"\t"}',
    '{"a":"\\x"}',
    '{"a":1}}',
    '{"a":[}',
    '{"a":',
    '"',
    '{"\\u00":1}',
  ])('%s is a parse error', (text) => {
    expect(parseMessage(Buffer.from(text))).toMatchObject({ kind: 'bad', code: -32700 });
  });

  it('changes members of params and nothing else, byte for byte', () => {
    const text =
      '{"jsonrpc":"2.0", "params": {"requestState":"s" , "n": 12345678901234567890, "inputResponses":{"a":[1,2]},"z":1.0} ,"id":1,"method":"m"}';
    const { body } = request(text);
    expect(withParams(body, ['requestState', 'inputResponses'], []).toString()).toBe(
      '{"jsonrpc":"2.0", "params": {"n": 12345678901234567890,"z":1.0} ,"id":1,"method":"m"}',
    );
    expect(
      withParams(body, ['requestState', 'inputResponses', 'n', 'z'], ['"a":1']).toString(),
    ).toContain('"params": {"a":1}');
    expect(memberText(body, 'inputResponses')).toBe('"inputResponses":{"a":[1,2]}');
    expect(memberText(body, 'absent')).toBeUndefined();
  });

  it('finds params by its escaped name too', () => {
    const { body } = request(
      '{"jsonrpc":"2.0","id":1,"method":"m","par\\u0061ms":{"requestState":"s","a":1}}',
    );
    expect(withParams(body, ['requestState'], []).toString()).toContain('{"a":1}');
  });
});
