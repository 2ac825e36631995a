/** Of ASCII characters: whether each is in the set. */
export type CharacterSet = Uint8Array;

export type PatternNode =
  | { readonly kind: 'one-of'; readonly set: CharacterSet }
  | { readonly kind: 'sequence'; readonly nodes: readonly PatternNode[] }
  | { readonly kind: 'either'; readonly nodes: readonly PatternNode[] }
  /** `max` may be Infinity. */
  | {
      readonly kind: 'repeat';
      readonly node: PatternNode;
      readonly min: number;
      readonly max: number;
    };

/** The pattern uses what cannot be matched in linear time, or is not well formed. The message is public. */
export class PatternRefused extends Error {
  override readonly name = 'PatternRefused';
}

const mostRepetitions = 1000;
const ranges: Readonly<Record<string, string>> = { d: '0-9', w: 'A-Za-z0-9_' };

/**
 * A regular expression of literals, `.`, classes, groups, `|` and quantifiers, over ASCII. What makes matching
 * superlinear in other engines (back-references, look-around) is no part of it.
 */
export class PatternSyntax {
  #at = 0;

  constructor(private readonly source: string) {}

  /** The whole pattern; `^` before it and `$` after it change nothing. Throws PatternRefused. */
  parse(): PatternNode {
    if (this.#peek() === '^') this.#at += 1;
    const node = this.#either();
    if (this.#peek() === '$' && this.#at === this.source.length - 1) this.#at += 1;
    if (this.#at < this.source.length) throw this.#refuse('is not expected here');
    return node;
  }

  #either(): PatternNode {
    const nodes = [this.#sequence()];
    while (this.#take('|')) nodes.push(this.#sequence());
    return nodes.length === 1 && nodes[0] ? nodes[0] : { kind: 'either', nodes };
  }

  #sequence(): PatternNode {
    const nodes: PatternNode[] = [];
    for (let next = this.#peek(); next !== undefined; next = this.#peek()) {
      if (next === '|' || next === ')') break;
      if (next === '$' && this.#at === this.source.length - 1) break;
      nodes.push(this.#quantified(this.#atom()));
    }
    if (nodes.length === 0) throw new PatternRefused('must not have an empty group or alternative');
    return { kind: 'sequence', nodes };
  }

  #atom(): PatternNode {
    if (this.#take('(')) return this.#group();
    if (this.#take('[')) return { kind: 'one-of', set: this.#class() };
    if (this.#take('.')) return { kind: 'one-of', set: new Uint8Array(128).fill(1) };
    if (this.#take('\\')) return { kind: 'one-of', set: this.#escape() };
    const next = this.#peek() ?? '';
    if ('^$*+?{}]'.includes(next)) throw this.#refuse('needs a backslash, or is not supported');
    this.#at += 1;
    return { kind: 'one-of', set: setOf(next) };
  }

  #group(): PatternNode {
    if (this.#take('?') && !this.#take(':'))
      throw new PatternRefused(
        'must not use look-around, flags or named groups: only ( … ) and (?: … )',
      );
    const node = this.#either();
    if (!this.#take(')')) throw new PatternRefused('lacks a closing parenthesis');
    return node;
  }

  #escape(): CharacterSet {
    const next = this.#peek();
    if (next === undefined) throw new PatternRefused('ends with a lone backslash');
    this.#at += 1;
    const named = ranges[next];
    if (named !== undefined) return new PatternSyntax(`${named}]`).#class();
    if (/[A-Za-z0-9]/.test(next))
      throw new PatternRefused(
        `must not use \\${next}: of the named escapes only \\d and \\w are supported`,
      );
    return setOf(next);
  }

  #class(): CharacterSet {
    const isNegated = this.#take('^');
    const set = new Uint8Array(128);
    while (!this.#take(']')) {
      const from = this.#member();
      const isRange = this.#peek() === '-' && this.source[this.#at + 1] !== ']';
      if (isRange) {
        this.#at += 1;
        fill(set, from, this.#member());
      } else from.forEach((isIn, code) => isIn && (set[code] = 1));
    }
    return isNegated ? set.map((isIn) => 1 - isIn) : set;
  }

  #member(): CharacterSet {
    const next = this.#peek();
    if (next === undefined) throw new PatternRefused('lacks a closing bracket');
    this.#at += 1;
    return next === '\\' ? this.#escape() : setOf(next);
  }

  #quantified(node: PatternNode): PatternNode {
    const bounds = this.#bounds();
    if (bounds === undefined) return node;
    const [min, max] = bounds;
    if (max < 1 || max < min || (Number.isFinite(max) ? max : min) > mostRepetitions)
      throw new PatternRefused(`must repeat between 1 and ${mostRepetitions} times`);
    if (/[*+?{]/.test(this.#peek() ?? '')) throw this.#refuse('must not follow another quantifier');
    return { kind: 'repeat', node, min, max };
  }

  #bounds(): [number, number] | undefined {
    if (this.#take('*')) return [0, Infinity];
    if (this.#take('+')) return [1, Infinity];
    if (this.#take('?')) return [0, 1];
    if (this.#peek() !== '{') return undefined;
    const [all, min, comma, max] = /^\{(\d+)(,?)(\d*)\}/.exec(this.source.slice(this.#at)) ?? [];
    if (all === undefined) throw this.#refuse('must be a quantifier such as {36} or {10,200}');
    this.#at += all.length;
    const least = Number(min);
    if (comma === '') return [least, least];
    return [least, max === '' ? Infinity : Number(max)];
  }

  #peek(): string | undefined {
    return this.source[this.#at];
  }

  #take(character: string): boolean {
    if (this.#peek() !== character) return false;
    this.#at += 1;
    return true;
  }

  #refuse(why: string): PatternRefused {
    return new PatternRefused(`the character ${this.#at + 1}, "${this.#peek() ?? ''}", ${why}`);
  }
}

function setOf(character: string): CharacterSet {
  const code = character.charCodeAt(0);
  if (code > 127) throw new PatternRefused('must be of ASCII characters, as tokens are');
  const set = new Uint8Array(128);
  set[code] = 1;
  return set;
}

function fill(set: CharacterSet, from: CharacterSet, to: CharacterSet): void {
  const [first, last] = [from.indexOf(1), to.indexOf(1)];
  if (first > last || from.lastIndexOf(1) !== first || to.lastIndexOf(1) !== last)
    throw new PatternRefused('has a range that is out of order or of named classes');
  set.fill(1, first, last + 1);
}
