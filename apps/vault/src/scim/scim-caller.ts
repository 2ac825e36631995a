import type { FastifyRequest } from 'fastify';
import type { SubjectAttribute } from './domain/scim-user.js';

/** An identity provider that has proved to be one issuer's. */
export interface ScimCaller {
  readonly issuerId: string;
  /** Slug. */
  readonly issuer: string;
  readonly subjectAttribute: SubjectAttribute;
  readonly requestId: string;
  /** Address of its service, without a slash at the end. */
  readonly base: string;
}

/** A request that has passed the guard. */
export interface ScimRequest extends FastifyRequest {
  readonly scim: ScimCaller;
}
