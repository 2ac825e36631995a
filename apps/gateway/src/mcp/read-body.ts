import type { CallRequest } from '../connection/exchange.js';
import { WholeRequest } from '../connection/whole-request.js';
import type { RpcAnswer } from './rpc-answer.js';
import { rpcError } from './rpc-answer.js';

const longest = 1024 * 1024;

export type TakenBody = Buffer | RpcAnswer | undefined;

/** The body of a POST, ≤1 MiB or its upstream's limit, or why it is not taken. Undefined: the client left. Called once. */
export function takeBody(
  request: CallRequest,
  limit: number | undefined,
  taken: (body: TakenBody) => void,
): void {
  const given = request.headers['content-type'];
  const type = given === 'application/json' ? given : given?.split(';')[0]?.trim().toLowerCase();
  const coding = request.headers['content-encoding'];
  if (type === 'application/json' && (coding === undefined || coding === 'identity'))
    return takeWhole(request, limit, taken);
  taken({
    ...rpcError(null, -32000, 'Content-Type must be application/json, without a content coding.'),
    status: 415,
  });
}

function takeWhole(request: CallRequest, limit = longest, taken: (body: TakenBody) => void): void {
  const most = Math.min(limit, longest);
  if (request instanceof WholeRequest)
    return taken(request.body.length > most ? longerThan(most) : request.body);
  const chunks: Buffer[] = [];
  let length = 0;
  let isTaken = false;
  const settle = (body: TakenBody): void => {
    if (isTaken) return;
    isTaken = true;
    taken(body);
  };
  const take = (chunk: Buffer): void => {
    length += chunk.length;
    if (length <= most) return void chunks.push(chunk);
    request.off('data', take).pause();
    settle(length > longest ? tooLong : longerThan(most));
  };
  request.on('data', take);
  request.on('end', () => settle(joined(chunks, length)));
  // After `end` this says nothing new.
  request.on('close', () => settle(undefined));
}

function joined(chunks: readonly Buffer[], length: number): Buffer {
  const [only] = chunks;
  return only !== undefined && chunks.length === 1 ? only : Buffer.concat(chunks, length);
}

function longerThan(most: number): RpcAnswer {
  const message = `The body is larger than the ${most} bytes that this server takes.`;
  return {
    ...rpcError(null, -32000, message, { problem: 'too-large' }),
    status: 413,
    headers: { connection: 'close' },
  };
}

const tooLong: RpcAnswer = {
  ...rpcError(null, -32600, 'Invalid request: the body is larger than 1 MiB.'),
  status: 400,
  // What is left of the body is not read.
  headers: { connection: 'close' },
};
