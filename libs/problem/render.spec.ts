import { describe, expect, it } from 'vitest';
import { catalogue } from './catalogue.js';
import { Problem } from './problem.js';
import { renderOAuthError, renderProblemJson } from './render.js';

describe('problems', () => {
  it('render as problem+json with a request id and without their private cause', () => {
    const problem = new Problem('validation-failed', 'Mend the body.', {
      errors: [{ pointer: '/name', code: 'required', detail: 'Give it a name.' }],
      cause: new Error('private'),
    });
    const rendered = renderProblemJson(problem, 'req_1');
    expect(rendered.status).toBe(422);
    expect(rendered.headers['content-type']).toBe('application/problem+json');
    expect(JSON.parse(rendered.body)).toEqual({
      type: 'urn:symbolon:validation-failed',
      title: catalogue['validation-failed'].title,
      status: 422,
      detail: 'Mend the body.',
      requestId: 'req_1',
      errors: [{ pointer: '/name', code: 'required', detail: 'Give it a name.' }],
    });
  });

  it('render as OAuth errors that no cache keeps', () => {
    const rendered = renderOAuthError('invalid_target', 'No such upstream.');
    expect(rendered.headers['cache-control']).toBe('no-store');
    expect(JSON.parse(rendered.body)).toEqual({
      error: 'invalid_target',
      error_description: 'No such upstream.',
    });
  });
});
