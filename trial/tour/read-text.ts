import { get } from 'node:http';

/**
 * The body at a loopback address. Not by `fetch`: the Fetch standard's list of blocked ports holds 4190, where
 * the vault's metrics are by default.
 */
export function readText(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
      response.on('error', reject);
    }).on('error', reject);
  });
}
