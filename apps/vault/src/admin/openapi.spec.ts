import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AdminFixture } from './admin-fixture.js';
import { adminOperations, operations } from './openapi.js';

let vault: AdminFixture;

beforeAll(async () => {
  vault = await AdminFixture.start();
  await vault.registerAll();
});
afterAll(() => vault.stop());

describe('the description of the admin API', () => {
  it('is OpenAPI 3.1 whose references all lead somewhere', async () => {
    const { body, text } = await vault.ask('GET', '/openapi.json', { token: null });
    expect(body.openapi).toBe('3.1.0');
    for (const [, name] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g))
      expect(Object.keys(body.components.schemas)).toContain(name);
    const ids = Object.values(body.paths as Record<string, Record<string, object>>)
      .flatMap((path) => Object.values(path))
      .map((operation) => (operation as { operationId: string }).operationId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toHaveLength(operations.length);
  });

  it('shows the members of a resource and which of them are write-only', async () => {
    const { body } = await vault.ask('GET', '/openapi.json', { token: null });
    const { properties } = body.components.schemas['oauth-clients'];
    expect(properties.clientSecret.writeOnly).toBe(true);
    expect(body.components.schemas.issuers.properties.login.properties.clientSecret.writeOnly).toBe(
      true,
    );
    expect(Object.keys(properties)).toContain('authorizeParams');
  });

  it.each(adminOperations.map((operation) => [operation.method, operation.path] as const))(
    'describes %s %s, which exists and asks for a token',
    async (method, path) => {
      const real = path.replace('{slug}', 'snow').replace('{id}', '1');
      const { status } = await vault.ask(method.toUpperCase(), real, { token: null });
      expect(status).toBe(401);
    },
  );

  it('has a page for people without any script or foreign address', async () => {
    const { headers, text } = await vault.ask('GET', '/docs', { token: null });
    expect(headers.get('content-type')).toContain('text/html');
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(text).toContain('/admin/v1/oauth-clients/{slug}');
    expect(text).not.toMatch(/<script|https?:\/\//);
  });
});
