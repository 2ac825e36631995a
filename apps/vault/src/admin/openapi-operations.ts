import type { JsonObject } from '../registry/domain/json.js';

/** One operation before it is written as OpenAPI. */
export interface Operation {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  /** Whose bearer it takes, if not an administrator's. */
  readonly by?: 'machine';
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Schema by media type. */
  readonly body?: Readonly<Record<string, JsonObject>>;
  /** Status and what comes with it. */
  readonly answers: Readonly<Record<number, { what: string; schema?: JsonObject; type?: string }>>;
}

const refusals: Readonly<Record<number, string>> = {
  400: 'Not well formed, or an unknown query parameter.',
  401: 'No admin token, or one that does not count.',
  403: 'Somebody without the role that this needs.',
};

/** OpenAPI 3.1 of one operation; what every operation can answer is added. */
export function openApiOperation(operation: Operation): JsonObject {
  const { method, path, tag, summary, by, query = {}, headers = {}, body, answers } = operation;
  const named = Object.entries(answers).map(([status, { what, schema, type }]) => [
    status,
    Number(status) >= 400
      ? problem(what)
      : { description: what, ...(schema ? content({ [type ?? 'application/json']: schema }) : {}) },
  ]);
  const refused = Object.entries(refusals).map(([status, what]) => [status, problem(what)]);
  return {
    operationId: operationId(method, path),
    tags: [tag],
    summary,
    ...(by === undefined ? {} : { security: [{ [by]: [] }] }),
    parameters: [
      ...[...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => parameter('path', String(name), '')),
      ...Object.entries(query).map(([name, what]) => parameter('query', name, what)),
      ...Object.entries(headers).map(([name, what]) => parameter('header', name, what)),
    ],
    ...(body ? { requestBody: { required: true, ...content(body) } } : {}),
    responses: Object.fromEntries([...named, ...refused]) as JsonObject,
  };
}

function problem(what: string): JsonObject {
  return {
    description: what,
    ...content({ 'application/problem+json': { $ref: '#/components/schemas/problem' } }),
  };
}

function content(schemas: Readonly<Record<string, JsonObject>>): JsonObject {
  const types = Object.entries(schemas).map(([type, schema]) => [type, { schema }]);
  return { content: Object.fromEntries(types) as JsonObject };
}

function parameter(place: 'path' | 'query' | 'header', name: string, what: string): JsonObject {
  return {
    name,
    in: place,
    ...(place === 'path' ? { required: true } : { description: what }),
    schema: { type: 'string' },
  };
}

function operationId(method: string, path: string): string {
  const words = path.replace('/admin/v1/', '').split(/[^A-Za-z]+/);
  const named = words.filter(Boolean).map((word) => word[0]?.toUpperCase() + word.slice(1));
  return `${method}${named.join('')}`;
}

export const dryRun = {
  dryRun: 'true: answer the changes and their effects, and change nothing.',
};
export const paging = {
  limit: '1 to 200, by default 50.',
  cursor: 'nextCursor of the page before.',
};

/** The schema of one page of a list. */
export function page(schema: JsonObject): JsonObject {
  const nextCursor = { type: ['string', 'null'] };
  return {
    type: 'object',
    required: ['items', 'nextCursor'],
    properties: { items: { type: 'array', items: schema }, nextCursor },
  };
}
