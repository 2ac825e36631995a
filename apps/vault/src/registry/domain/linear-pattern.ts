import {
  type CharacterSet,
  type PatternNode,
  PatternRefused,
  PatternSyntax,
} from './pattern-syntax.js';

/** Reads one character and goes on, or (without a set) goes on in each of these ways at once. */
interface State {
  readonly set: CharacterSet | undefined;
  readonly to: number[];
}

// With the longest token this bounds a match to some tens of milliseconds, whatever the pattern.
const mostStates = 1000;
const matched = 0;

/**
 * A regular expression of the whole text that is matched in time linear in the text (Thompson's simulation: all ways
 * at once, never back): no pattern and no text can hold the process up.
 */
export class LinearPattern {
  readonly #states: State[] = [{ set: undefined, to: [] }];
  readonly #start: number;

  /** Throws PatternRefused. */
  constructor(source: string) {
    this.#start = this.#compile(new PatternSyntax(source).parse(), matched);
  }

  /** Why a pattern is refused, as a sentence's end; undefined where it is accepted. */
  static refusal(source: string): string | undefined {
    try {
      return void new LinearPattern(source);
    } catch (error) {
      if (error instanceof PatternRefused) return error.message;
      throw error;
    }
  }

  matches(text: string): boolean {
    const reached = new Int32Array(this.#states.length).fill(-1);
    let current: number[] = [];
    this.#reach(this.#start, current, { reached, step: 0 });
    for (let i = 0; i < text.length && current.length > 0; i += 1) {
      const code = text.charCodeAt(i);
      const next: number[] = [];
      for (const n of current)
        if (this.#states[n]?.set?.[code])
          this.#reach(this.#next(n)[0] ?? matched, next, { reached, step: i + 1 });
      current = next;
    }
    return current.includes(matched);
  }

  /** Notes what is reached from a state without reading: states that read, and the end; each once in a step. */
  #reach(from: number, into: number[], at: { reached: Int32Array; step: number }): void {
    const open = [from];
    for (let n = open.pop(); n !== undefined; n = open.pop()) {
      if (at.reached[n] === at.step) continue;
      at.reached[n] = at.step;
      if (n === matched || this.#states[n]?.set !== undefined) into.push(n);
      else open.push(...this.#next(n));
    }
  }

  #next(n: number): readonly number[] {
    return this.#states[n]?.to ?? [];
  }

  /** Where to begin so that the node is read and then `next` reached. */
  #compile(node: PatternNode, next: number): number {
    switch (node.kind) {
      case 'one-of':
        return this.#add({ set: node.set, to: [next] });
      case 'sequence':
        return node.nodes.reduceRight((after, each) => this.#compile(each, after), next);
      case 'either':
        return this.#add({
          set: undefined,
          to: node.nodes.map((each) => this.#compile(each, next)),
        });
      case 'repeat':
        return this.#repeat(node, next);
    }
  }

  #repeat({ node, min, max }: Extract<PatternNode, { kind: 'repeat' }>, next: number): number {
    let start = next;
    if (max === Infinity) {
      start = this.#add({ set: undefined, to: [next] });
      this.#states[start]?.to.push(this.#compile(node, start));
    } else
      for (let n = min; n < max; n += 1)
        start = this.#add({ set: undefined, to: [this.#compile(node, start), next] });
    for (let n = 0; n < min; n += 1) start = this.#compile(node, start);
    return start;
  }

  #add(state: State): number {
    if (this.#states.length >= mostStates)
      throw new PatternRefused(
        `unfolds into more than ${mostStates} steps: repeat less, or leave it out`,
      );
    return this.#states.push(state) - 1;
  }
}
