/*
 * Request targets are judged as they came: what a router would decode or tidy up is refused, because the
 * upstream may read it in another way (row 23).
 */
const printable = /^[\x21-\x7e]+$/;
const forbidden = /[\\#<>"{}|^`]/;
const dotSegment = /^(?:\.|%2e){1,2}$/i;
// Control characters end lines and strings elsewhere; C0 and C1 begin only overlong UTF-8, `.` and `/` in disguise.
const invalidEncoding = /%(?![0-9a-f]{2})|%[01][0-9a-f]|%7f|%c[01]%[89ab]/i;

/** Why the target of a request cannot be taken; undefined where it can. */
export function targetProblem(target: string): string | undefined {
  if (!target.startsWith('/')) return 'The request target must be a path.';
  if (!printable.test(target)) return 'The request target holds characters that must be encoded.';
  const end = target.indexOf('?');
  const path = end < 0 ? target : target.slice(0, end);
  if (forbidden.test(path) || target.includes('#'))
    return 'The request target holds characters that must be encoded.';
  if (path.includes('//')) return 'The path has an empty segment.';
  return path.includes('%') || path.includes('/.') ? encodedPathProblem(path) : undefined;
}

function encodedPathProblem(path: string): string | undefined {
  const rest = /^\/http\/[^/%]+(\/.*)?$/.exec(path);
  if (!rest && path.includes('%')) return 'Nothing in this path may be percent-encoded.';
  if (invalidEncoding.test(path)) return 'The path holds an invalid percent-encoding.';
  return dotSegmentProblem(path) ?? (path.includes('%25') ? twiceEncodedProblem(path) : undefined);
}

function dotSegmentProblem(path: string): string | undefined {
  // An encoded slash belongs to a name; behind it the same rules hold for upstreams that decode early.
  const segments = path.replaceAll(/%3b/gi, ';').split(/\/|%2f|%5c/i);
  if (segments.some((segment) => dotSegment.test(segment.split(';', 1)[0] ?? '')))
    return 'The path has a dot segment.';
  return undefined;
}

/** For upstreams behind something that decodes before they do. */
function twiceEncodedProblem(path: string): string | undefined {
  let rest = path;
  while (rest.includes('%25')) {
    rest = rest.replaceAll('%25', '%');
    if (/%[01][0-9a-f]|%7f|%c[01]%[89ab]/i.test(rest))
      return 'The path holds an invalid percent-encoding.';
    const problem = dotSegmentProblem(rest);
    if (problem !== undefined) return problem;
  }
  return undefined;
}
