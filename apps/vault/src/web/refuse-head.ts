import { Problem } from '#lib/problem/problem';

/** Fastify answers HEAD by the GET route: where GET uses something up, a scanner's HEAD must not. */
export function refuseHead({ method }: { readonly method: string }): void {
  if (method === 'HEAD') throw new Problem('method-not-allowed', 'Open this address by GET.');
}
