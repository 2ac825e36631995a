/** Long enough to be nobody else's, short enough to find a token that was cut. */
const partLength = 40;
const lastLength = 48;

/** Whether `text` holds the token, or most of its end: of a JWT that is the signature, which no other token shares. */
export function searchFor(text: string, token: string): boolean {
  return text.includes(token.slice(-lastLength).slice(0, partLength));
}
