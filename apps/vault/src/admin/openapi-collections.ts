import type { Collection } from '../registry/domain/collection.js';
import { dryRun, type Operation, page, paging } from './openapi-operations.js';

const ifMatch = { 'If-Match': 'An ETag: 412 if the resource has changed since.' };
const invalid = { what: 'Not valid, or not supported yet; see errors.' };
const changed = { what: 'It has changed since, or is there already.' };

/** The six operations that every collection of the registry has. */
export function collectionOperations(collection: Collection<object>): Operation[] {
  return [...reads(collection), ...writes(collection), removal(collection)];
}

function parts({ name, noun }: Collection<object>) {
  const schema = { $ref: `#/components/schemas/${name}` };
  return {
    schema,
    one: `/admin/v1/${name}/{slug}`,
    json: { 'application/json': schema },
    stored: { what: 'As stored; its ETag in the header.', schema },
    created: { what: 'Created.', schema },
    absent: { what: `There is no such ${noun}.` },
  };
}

function reads(collection: Collection<object>): Operation[] {
  const { name, noun } = collection;
  const { schema, one, stored, absent } = parts(collection);
  return [
    {
      method: 'get',
      path: `/admin/v1/${name}`,
      tag: name,
      summary: `List ${noun}s by slug`,
      query: paging,
      answers: { 200: { what: 'One page; Link: rel="next" leads on.', schema: page(schema) } },
    },
    {
      method: 'get',
      path: one,
      tag: name,
      summary: `Read one ${noun}`,
      answers: { 200: stored, 404: absent },
    },
  ];
}

function writes(collection: Collection<object>): Operation[] {
  const { name, noun } = collection;
  const { one, json, stored, created, absent } = parts(collection);
  return [
    {
      method: 'post',
      path: `/admin/v1/${name}`,
      tag: name,
      summary: `Create an ${noun}`.replace(/an (?![aeiou])/, 'a '),
      query: dryRun,
      body: json,
      answers: { 201: created, 409: { what: 'The slug is taken.' }, 422: invalid },
    },
    {
      method: 'put',
      path: one,
      tag: name,
      summary: `Create or replace one ${noun}; secrets left out keep their values`,
      query: dryRun,
      headers: { ...ifMatch, 'If-None-Match': '*: create only.' },
      body: json,
      answers: { 200: stored, 201: created, 412: changed, 422: invalid },
    },
    {
      method: 'patch',
      path: one,
      tag: name,
      summary: `Change one ${noun} by RFC 7396`,
      query: dryRun,
      headers: ifMatch,
      body: { 'application/merge-patch+json': { type: 'object' } },
      answers: { 200: stored, 404: absent, 412: changed, 422: invalid },
    },
  ];
}

function removal(collection: Collection<object>): Operation {
  const { name, noun } = collection;
  const { one, absent } = parts(collection);
  return {
    method: 'delete',
    path: one,
    tag: name,
    summary: `Delete one ${noun}`,
    query: dryRun,
    headers: ifMatch,
    answers: {
      204: { what: 'Deleted.' },
      404: absent,
      409: { what: 'Others refer to it; referrers names them.' },
      412: changed,
    },
  };
}
