import { cleanText } from './clean-text.js';

/** A name that somebody else chose: cleaned, and isolated so that its direction ends with it. */
export function Foreign({ name }: { name: string }) {
  return <bdi>{cleanText(name)}</bdi>;
}
