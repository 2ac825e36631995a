/** Every refusal that the product can answer: HTTP status and fixed public title, by stable code. */
export const catalogue = {
  'invalid-request': { status: 400, title: 'The request cannot be understood.' },
  'invalid-token': { status: 401, title: 'The access token is not accepted.' },
  unauthenticated: { status: 401, title: 'Authentication is required.' },
  'insufficient-scope': { status: 403, title: 'The access token lacks a scope.' },
  forbidden: { status: 403, title: 'This is not allowed.' },
  'interaction-required': { status: 403, title: 'A person must connect this service first.' },
  'not-found': { status: 404, title: 'There is nothing here.' },
  'method-not-allowed': { status: 405, title: 'This method is not offered here.' },
  'in-use': { status: 409, title: 'Other resources refer to this one.' },
  conflict: { status: 409, title: 'The request conflicts with what is stored.' },
  'precondition-failed': { status: 412, title: 'The resource has changed since you read it.' },
  'too-large': { status: 413, title: 'The request is too large.' },
  'unsupported-media-type': { status: 415, title: 'This media type is not accepted.' },
  'validation-failed': { status: 422, title: 'The resource is not valid.' },
  'not-supported': { status: 422, title: 'This is not supported yet.' },
  'precondition-required': { status: 428, title: 'An If-Match header is required.' },
  'too-many-requests': { status: 429, title: 'Too many requests.' },
  internal: { status: 500, title: 'Something went wrong on our side.' },
  'upstream-invalid': { status: 502, title: 'The upstream answered something unusable.' },
  'upstream-unreachable': { status: 502, title: 'The upstream cannot be reached.' },
  'upstream-rejected-credential': { status: 502, title: 'The upstream refuses the stored token.' },
  'temporarily-unavailable': { status: 503, title: 'Temporarily unavailable.' },
  sealed: { status: 503, title: 'The vault is sealed.' },
  'upstream-timeout': { status: 504, title: 'The upstream did not answer in time.' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ProblemCode = keyof typeof catalogue;
