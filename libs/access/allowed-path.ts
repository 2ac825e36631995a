/** One path of an allow-list; its segments are compared byte by byte where they are literal. */
export interface AllowedPath {
  /** As the administrator wrote it. */
  readonly path: string;
  readonly segments: readonly string[];
}

export function allowedPath(path: string): AllowedPath {
  const segments = path
    .slice(1)
    .split('/')
    .map((segment) => Buffer.from(segment, 'utf8').toString('latin1'));
  return { path, segments };
}

/**
 * Which of the paths that are listed allows a raw path below an upstream's URL. It must hold in each way that the upstream may
 * read it: a segment is decoded once to be compared, and what `*` stands for may not turn into two segments however
 * often it is decoded. `**` takes any rest, encoded slashes included.
 */
export function findAllowedPath(
  allowed: readonly AllowedPath[],
  path: string,
): AllowedPath | undefined {
  const segments = (path === '' ? '/' : path).slice(1).split('/');
  return allowed.find((pattern) => matches(pattern.segments, segments));
}

function matches(pattern: readonly string[], segments: readonly string[]): boolean {
  const open = pattern.at(-1) === '**';
  const fixed = open ? pattern.length - 1 : pattern.length;
  if (open ? segments.length < fixed : segments.length !== fixed) return false;
  for (let i = 0; i < fixed; i += 1)
    if (!matchesSegment(pattern[i] ?? '', segments[i] ?? '')) return false;
  return true;
}

function matchesSegment(pattern: string, segment: string): boolean {
  if (pattern === '*') return segment !== '' && !/[/\\]/.test(decodedFully(segment));
  return (segment.includes('%') ? decodedOnce(segment) : segment) === pattern;
}

/** Bytes as latin1: what is no UTF-8 is comparable too. */
function decodedOnce(text: string): string {
  return text.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** Each round shortens the text, so this ends. */
function decodedFully(text: string): string {
  let before = text;
  let after = decodedOnce(before);
  while (after !== before) {
    before = after;
    after = decodedOnce(before);
  }
  return after;
}
