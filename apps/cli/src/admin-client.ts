import type { CliConfig } from './config.js';

/** What the vault answered instead of what was asked: its problem's own words (RFC 9457). */
export class AdminRefused extends Error {
  override readonly name = 'AdminRefused';

  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export interface AdminClient {
  /** Calls `/admin/v1{path}`; answers JSON, or undefined where there is none. Throws AdminRefused. */
  json(method: string, path: string, body?: unknown): Promise<unknown>;
  /** GET of a stream of lines. Throws AdminRefused. */
  lines(path: string): AsyncGenerator<string>;
}

export function adminClient({ vaultUrl, adminToken }: CliConfig): AdminClient {
  const call = async (method: string, path: string, body?: unknown): Promise<Response> => {
    const answer = await fetch(`${vaultUrl}/admin/v1${path}`, {
      method,
      redirect: 'error',
      headers: {
        authorization: `Bearer ${adminToken.reveal()}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new AdminRefused(answer.status, await reasonOf(answer));
    return answer;
  };
  return {
    json: async (method, path, body) => {
      const text = await (await call(method, path, body)).text();
      return text === '' ? undefined : (JSON.parse(text) as unknown);
    },
    lines: async function* (path) {
      const answer = await call('GET', path);
      if (answer.body) yield* splitLines(answer.body);
    },
  };
}

async function* splitLines(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    const pieces = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = pieces.pop() ?? '';
    yield* pieces.filter((line) => line !== '');
  }
  if (rest !== '') yield rest;
}

async function reasonOf(answer: Response): Promise<string> {
  const text = await answer.text();
  try {
    const problem = JSON.parse(text) as { title?: string; detail?: string };
    return problem.detail ?? problem.title ?? text;
  } catch {
    return `The vault answered ${answer.status}.`;
  }
}
