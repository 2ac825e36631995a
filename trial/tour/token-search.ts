/** Long enough to be nobody else's, short enough to find a token that was cut. */
const partLength = 40;

/** Whether `text` holds the token, or forty characters from its middle. */
export function searchFor(text: string, token: string): boolean {
  const start = Math.max(0, Math.floor((token.length - partLength) / 2));
  return text.includes(token.slice(start, start + partLength));
}
