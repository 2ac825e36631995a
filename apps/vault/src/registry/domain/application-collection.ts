import { type Application, application } from './application.js';
import type { Collection } from './collection.js';

export const applications: Collection<Application> = {
  name: 'applications',
  noun: 'application',
  schema: application,
  secrets: [],
  immutable: {},
  guarded: [],
  notYet: () => [],
  references: (document) => [{ pointer: '/issuer', collection: 'issuers', slug: document.issuer }],
  calledUrls: () => [],
  effects: () => [],
  reentered: () => [],
  rules: (document, others) =>
    others.applications
      .filter(
        (other) =>
          other['issuer'] === document.issuer &&
          other['clientId'] === document.clientId &&
          other['pattern'] === document.pattern,
      )
      .map((other) => ({
        pointer: document.clientId === undefined ? '/pattern' : '/clientId',
        code: 'duplicate',
        detail: `The application "${String(other['slug'])}" already names it. Change that one.`,
      })),
};
