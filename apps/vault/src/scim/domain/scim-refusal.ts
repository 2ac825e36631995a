/** RFC 7644 §3.12, table 9: what a client can tell apart beyond the status. */
export type ScimType =
  | 'invalidFilter'
  | 'invalidPath'
  | 'invalidSyntax'
  | 'invalidValue'
  | 'noTarget'
  | 'uniqueness';

/** A refusal as SCIM says it. `detail` is public and says what to do. */
export class ScimRefusal extends Error {
  override readonly name = 'ScimRefusal';

  constructor(
    readonly status: 400 | 401 | 404 | 409 | 501,
    readonly scimType: ScimType | undefined,
    readonly detail: string,
  ) {
    super(detail);
  }
}

const errorSchema = 'urn:ietf:params:scim:api:messages:2.0:Error';

/** RFC 7644 §3.12: the status stands in the body too, as text. */
export function scimErrorBody(status: number, detail: string, scimType?: ScimType): object {
  return {
    schemas: [errorSchema],
    status: String(status),
    ...(scimType === undefined ? {} : { scimType }),
    detail,
  };
}
