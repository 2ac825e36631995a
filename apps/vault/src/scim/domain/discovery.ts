import { userSchema } from './scim-user.js';

/** The longest list (RFC 7643 §5, filter.maxResults). */
export const mostResults = 200;

const attribute = (name: string, more: object): object => ({
  name,
  multiValued: false,
  mutability: 'readWrite',
  returned: 'default',
  ...more,
});

/** RFC 7643 §5. */
export function serviceProviderConfig(base: string): object {
  return {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'],
    patch: { supported: true },
    bulk: { supported: false, maxOperations: 0, maxPayloadSize: 0 },
    filter: { supported: true, maxResults: mostResults },
    changePassword: { supported: false },
    sort: { supported: false },
    etag: { supported: false },
    authenticationSchemes: [
      {
        type: 'oauthbearertoken',
        name: 'Bearer token',
        description: 'A token that an administrator of Symbolon made for this identity provider.',
        primary: true,
      },
    ],
    meta: {
      resourceType: 'ServiceProviderConfig',
      location: `${base}/ServiceProviderConfig`,
    },
  };
}

/** RFC 7643 §6. */
export function userResourceType(base: string): object {
  return {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:ResourceType'],
    id: 'User',
    name: 'User',
    endpoint: '/Users',
    description: 'Who may use Symbolon.',
    schema: userSchema,
    meta: { resourceType: 'ResourceType', location: `${base}/ResourceTypes/User` },
  };
}

/** RFC 7643 §7: what is kept of a user, and no more. */
export function userSchemaDocument(base: string): object {
  return {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:Schema'],
    id: userSchema,
    name: 'User',
    description: 'What is kept of a user; other attributes are accepted and not stored.',
    attributes: [
      attribute('userName', {
        type: 'string',
        required: true,
        caseExact: false,
        uniqueness: 'server',
      }),
      attribute('externalId', {
        type: 'string',
        required: false,
        caseExact: true,
        uniqueness: 'none',
      }),
      attribute('active', {
        type: 'boolean',
        required: false,
        description: 'false ends everything of this person.',
      }),
    ],
    meta: { resourceType: 'Schema', location: `${base}/Schemas/${userSchema}` },
  };
}

/** RFC 7644 §3.4.2. */
export function listResponse(
  resources: readonly object[],
  page: { readonly total: number; readonly startIndex: number },
): object {
  return {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
    totalResults: page.total,
    startIndex: page.startIndex,
    itemsPerPage: resources.length,
    Resources: resources,
  };
}
