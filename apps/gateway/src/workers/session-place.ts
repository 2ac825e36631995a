// Of what was encrypted, so as good as random.
const looked = 8;

/** Which of the workers, from 1, keeps what belongs to a legacy session. */
export function placeOf(sessionId: string, workers: number): number {
  let sum = 0;
  for (const character of sessionId.slice(-looked)) sum = sum * 31 + character.charCodeAt(0);
  return (sum % workers) + 1;
}
