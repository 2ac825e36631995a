import type { IncomingMessage } from 'node:http';
import type { RpcAnswer } from './rpc-answer.js';
import { rpcError } from './rpc-answer.js';

const longest = 1024 * 1024;

/** The body of a POST, ≤1 MiB, or why it is not taken. Undefined: the client left. */
export async function readBody(request: IncomingMessage): Promise<Buffer | RpcAnswer | undefined> {
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  const coding = request.headers['content-encoding'];
  if (type !== 'application/json' || (coding !== undefined && coding !== 'identity'))
    return {
      ...rpcError(null, -32000, 'Content-Type must be application/json, without a content coding.'),
      status: 415,
    };
  return whole(request);
}

function whole(request: IncomingMessage): Promise<Buffer | RpcAnswer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  return new Promise((resolve) => {
    const take = (chunk: Buffer): void => {
      length += chunk.length;
      if (length <= longest) return void chunks.push(chunk);
      request.off('data', take).pause();
      resolve(tooLong);
    };
    request.on('data', take);
    request.once('end', () => resolve(Buffer.concat(chunks, length)));
    request.once('error', () => resolve(undefined));
    // After `end` this says nothing new.
    request.once('close', () => resolve(undefined));
  });
}

const tooLong: RpcAnswer = {
  ...rpcError(null, -32600, 'Invalid request: the body is larger than 1 MiB.'),
  status: 400,
  // What is left of the body is not read.
  headers: { connection: 'close' },
};
