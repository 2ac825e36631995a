/**
 * JSON.parse that also refuses what two parsers would read differently: a key twice in one object (RFC 8259 §4),
 * `__proto__`, and nesting deeper than `maxDepth`. Throws SyntaxError.
 */
export function parseStrictJson(text: string, maxDepth = 32): unknown {
  const value: unknown = JSON.parse(text);
  refuseAmbiguity(text, maxDepth);
  return value;
}

const tokens = /"(?:[^"\\]|\\.)*"|[{}[\]:]/g;

// The text is known to be valid JSON here, so a string followed by a colon is a key and nothing else is.
function refuseAmbiguity(text: string, maxDepth: number): void {
  const open: Set<string>[] = [];
  let lastString = '';
  for (const [token] of text.matchAll(tokens)) {
    if (token === '{' || token === '[') open.push(new Set());
    else if (token === '}' || token === ']') open.pop();
    else if (token === ':') addKey(open.at(-1), JSON.parse(lastString) as string);
    else lastString = token;
    if (open.length > maxDepth) throw new SyntaxError('nested too deep');
  }
}

function addKey(keys: Set<string> | undefined, key: string): void {
  if (keys?.has(key) === true) throw new SyntaxError('duplicate key');
  if (key === '__proto__') throw new SyntaxError('__proto__ as a key');
  keys?.add(key);
}
