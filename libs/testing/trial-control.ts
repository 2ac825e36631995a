import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** The header by which the tour and tests prove that they may use `/trial/…`. */
export const controlHeader = 'x-symbolon-trial';

export function mayControl(request: IncomingMessage, controlToken: string): boolean {
  const given = Buffer.from(String(request.headers[controlHeader] ?? ''));
  const wanted = Buffer.from(controlToken);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}
