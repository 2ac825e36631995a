import type { FieldError } from '#lib/problem/problem';
import type { z } from 'zod';
import { pointerOf, valueAt } from './json.js';

type Issue = z.core.$ZodIssue;

/** zod's findings as pointers, stable codes and sentences that say what to do. */
export function explainIssues(issues: readonly Issue[], input: unknown): FieldError[] {
  const errors = issues.flatMap((issue) => explain(issue, input));
  // One thing to do at a time for each place.
  return errors.filter(
    ({ pointer }, index) => errors.findIndex((error) => error.pointer === pointer) === index,
  );
}

function explain(issue: Issue, input: unknown): FieldError[] {
  const pointer = pointerOf(issue.path);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      pointer: `${pointer}${pointerOf([key])}`,
      code: 'unknown-field',
      detail: 'There is no such field. Remove it or correct its name.',
    }));
  }
  if (issue.code !== 'custom' && valueAt(input, issue.path.map(String)) === undefined)
    return [{ pointer, code: 'required', detail: sentence(requiredDetail(issue)) }];
  return [{ pointer, code: codeOf(issue), detail: sentence(detailOf(issue)) }];
}

function requiredDetail(issue: Issue): string {
  const wanted = detailOf(issue).replace(/^must be /, '');
  return issue.code === 'invalid_type' || issue.code === 'invalid_value'
    ? `is required: give ${wanted}`
    : 'is required';
}

function codeOf(issue: Issue): string {
  if (issue.code === 'invalid_type') return 'invalid-type';
  if (issue.code === 'too_small' || issue.code === 'too_big') return 'invalid-size';
  return 'invalid-value';
}

function detailOf(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${article(issue.expected)}`;
    case 'invalid_value':
      return `must be ${oneOf(issue.values)}`;
    case 'too_small':
      return `must have at least ${String(issue.minimum)}${unitOf(issue.origin)}`;
    case 'too_big':
      return `must have at most ${String(issue.maximum)}${unitOf(issue.origin)}`;
    case 'invalid_union':
      return unionDetail(issue);
    default:
      return issue.message;
  }
}

function unionDetail(issue: z.core.$ZodIssueInvalidUnion): string {
  if (issue.discriminator !== undefined && 'options' in issue && Array.isArray(issue.options))
    return `must be ${oneOf(issue.options)}`;
  const alternatives = issue.errors.flatMap((errors) =>
    errors.filter((inner) => inner.path.length === 0).map(detailOf),
  );
  return alternatives.length > 0 ? [...new Set(alternatives)].join(', or ') : issue.message;
}

function article(expected: string): string {
  if (expected === 'array') return 'a list';
  if (expected === 'record' || expected === 'object') return 'an object';
  return /^[aeiou]/.test(expected) ? `an ${expected}` : `a ${expected}`;
}

function oneOf(values: readonly unknown[]): string {
  const texts = values.map((value) => JSON.stringify(value));
  return texts.length === 1 ? String(texts[0]) : `one of ${texts.join(', ')}`;
}

function unitOf(origin: string): string {
  if (origin === 'string') return ' characters';
  if (origin === 'array' || origin === 'set') return ' entries';
  return '';
}

function sentence(text: string): string {
  const begun = `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
  return begun.endsWith('.') ? begun : `${begun}.`;
}
