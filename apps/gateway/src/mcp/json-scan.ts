export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Where the members of the top-level `params` object stand in the text, by name. */
export interface ScannedMessage {
  readonly params: Span | undefined;
  readonly members: ReadonlyMap<string, Span>;
}

/** What JSON.parse accepts and we do not: nesting beyond `maximumDepth`, a name twice, `Method` for `method`, `__proto__`. */
export class JsonRefused extends Error {
  override readonly name = 'JsonRefused';
}

const maximumDepth = 32;
const ofMessages = new Set(['jsonrpc', 'id', 'method', 'params', 'result', 'error']);
const scalar = /[^\s,:[\]{}"]+/y;
const plainName = /^[\d_a-z]*$/;

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const openObject = 0x7b;
const closeObject = 0x7d;
const openArray = 0x5b;
const closeArray = 0x5d;

/**
 * Walks the text once, before JSON.parse sees it: JSON.parse would keep the last of two equal names while
 * an upstream keeps the first, and what was checked must be what is forwarded (RFC 8259 §4).
 */
export function scanJson(text: string): ScannedMessage {
  return new Scanner(text).scan();
}

/** Each message of each call passes here: it looks at codes of characters, and makes no string but the names. */
class Scanner {
  #at = 0;
  #params: Span | undefined;
  readonly #members = new Map<string, Span>();

  constructor(private readonly text: string) {}

  scan(): ScannedMessage {
    this.#value(0, '');
    if (!Number.isNaN(this.#next())) throw new JsonRefused('there is more than one JSON value');
    return { params: this.#params, members: this.#members };
  }

  /** `name` is that of the member, of the message itself only. */
  #value(depth: number, name: string): void {
    const first = this.#next();
    if (first === quote) return this.#string();
    const nests = first === openObject || first === openArray;
    if (!nests) return this.#scalar();
    if (depth === maximumDepth) throw new JsonRefused(`nesting is deeper than ${maximumDepth}`);
    if (first === openArray) return this.#array(depth + 1);
    const isParams = depth === 1 && name === 'params';
    const start = this.#at;
    this.#object(depth + 1, isParams);
    if (isParams) this.#params = { start, end: this.#at };
  }

  #object(depth: number, isParams: boolean): void {
    const names = new Set<string>();
    this.#at += 1;
    if (this.#ends(closeObject)) return;
    do this.#member(depth, isParams, names);
    while (this.#continues(closeObject));
  }

  #member(depth: number, isParams: boolean, names: Set<string>): void {
    if (this.#next() !== quote) throw new JsonRefused('this is not JSON');
    const start = this.#at;
    this.#string();
    const name = nameOf(this.text.slice(start, this.#at));
    if (name === '__proto__') throw new JsonRefused('a member is named __proto__');
    const isOfMessage = depth === 1;
    const known = isOfMessage || isParams ? folded(name) : name;
    if (names.has(known)) throw new JsonRefused('a member stands twice');
    names.add(known);
    if (isOfMessage && known !== name && ofMessages.has(known))
      throw new JsonRefused('a member is not written as JSON-RPC has it');
    if (this.#next() !== colon) throw new JsonRefused('a colon is missing');
    this.#at += 1;
    this.#value(depth, isOfMessage ? name : '');
    if (isParams) this.#members.set(name, { start, end: this.#at });
  }

  #array(depth: number): void {
    this.#at += 1;
    if (this.#ends(closeArray)) return;
    do this.#value(depth, '');
    while (this.#continues(closeArray));
  }

  #ends(closing: number): boolean {
    if (this.#next() !== closing) return false;
    this.#at += 1;
    return true;
  }

  #continues(closing: number): boolean {
    const next = this.#next();
    if (next !== closing && next !== comma) throw new JsonRefused('a comma is missing');
    this.#at += 1;
    return next === comma;
  }

  /** The next character that is no white space (RFC 8259 §2), which is not passed; NaN at the end. */
  #next(): number {
    for (;;) {
      const code = this.text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return code;
      this.#at += 1;
    }
  }

  /** To behind the closing quote: the first that an even number of backslashes stands before. */
  #string(): void {
    let end = this.#at;
    do {
      end = this.text.indexOf('"', end + 1);
      if (end < 0) throw new JsonRefused('this is not JSON');
    } while (this.#isEscaped(end));
    this.#at = end + 1;
  }

  #isEscaped(end: number): boolean {
    let before = end - 1;
    while (this.text.charCodeAt(before) === backslash) before -= 1;
    return (end - before) % 2 === 0;
  }

  #scalar(): void {
    scalar.lastIndex = this.#at;
    if (!scalar.test(this.text)) throw new JsonRefused('this is not JSON');
    this.#at = scalar.lastIndex;
  }
}

/** As decoders read names that do not care for case (Go's encoding/json, .NET): what we judge must be what they take. */
function folded(name: string): string {
  return plainName.test(name) ? name : name.normalize('NFKC').toLowerCase();
}

function nameOf(quoted: string): string {
  if (!quoted.includes('\\')) return quoted.slice(1, -1);
  try {
    return String(JSON.parse(quoted));
  } catch {
    throw new JsonRefused('this is not JSON');
  }
}
