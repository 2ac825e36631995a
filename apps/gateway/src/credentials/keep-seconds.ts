/** The longest that a borrowed token is kept. */
const mostSeconds = 60;

/** Seconds for which a token of this lifetime may be kept: never its last tenth-of-a-minute or fifth. */
export function keepSeconds(expiresIn: number): number {
  return Math.min(mostSeconds, expiresIn - Math.min(10, expiresIn * 0.2));
}
