import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { selfSignedCertificate } from '#lib/testing/self-signed-certificate';
import { Outbound } from './outbound.js';

const certificate = selfSignedCertificate('idp.internal');
const other = selfSignedCertificate('other.internal');

let server: Server;
let port: number;

beforeAll(async () => {
  server = createServer({ ...certificate }, (request, response) =>
    response.end(
      `${String((request.socket as TLSSocket & { servername?: string }).servername)} ${request.headers.host}`,
    ),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ({ port } = server.address() as AddressInfo);
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

async function ask(host: string, ca?: string): Promise<string> {
  const allow = [`https://${host}:${port}`];
  const outbound = new Outbound({
    mode: 'production',
    allow,
    ca,
    resolve: () => Promise.resolve(['127.0.0.1']),
  });
  try {
    return (await outbound.request(`https://${host}:${port}/`)).body.toString();
  } finally {
    await outbound.close();
  }
}

describe('https in production', () => {
  test('connects to the checked address and verifies the certificate for the name', async () => {
    expect(await ask('idp.internal', certificate.cert)).toBe(`idp.internal idp.internal:${port}`);
  });

  test.each([
    ['a certificate for another name', 'other.internal', certificate.cert],
    ['a certificate of an unknown authority', 'idp.internal', undefined],
    ['a certificate of another authority', 'idp.internal', other.cert],
  ])('%s is untrusted', async (_name, host, ca) => {
    await expect(ask(host, ca)).rejects.toMatchObject({ name: 'OutboundError', code: 'untrusted' });
  });
});
