import type { Dispatcher } from 'undici';
import { outboundError } from './outbound-error.js';

/** The whole body, or an OutboundError as soon as it is seen to be compressed or too large. */
export async function readBody(
  answer: Dispatcher.ResponseData,
  { maxBytes, origin }: { maxBytes: number; origin: string },
): Promise<Buffer> {
  const refusal = refusalByHeaders(answer, maxBytes);
  if (refusal !== undefined) {
    answer.body.on('error', () => undefined).destroy();
    throw outboundError(refusal, origin);
  }
  const chunks: Buffer[] = [];
  let size = 0;
  // Leaving the loop by an exception destroys the stream, and with it the connection.
  for await (const chunk of answer.body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) throw outboundError('too-large', origin);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function refusalByHeaders(
  { headers }: Dispatcher.ResponseData,
  maxBytes: number,
): 'encoded' | 'too-large' | undefined {
  const encoding = [headers['content-encoding'] ?? []].flat().join(',').trim().toLowerCase();
  if (encoding !== '' && encoding !== 'identity') return 'encoded';
  return Number(headers['content-length'] ?? 0) > maxBytes ? 'too-large' : undefined;
}
