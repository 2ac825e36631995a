import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** What a key management service is told to do from now on. */
export type KmsFault = 'throttled' | 'failing' | 'denied' | 'disabled' | 'absent' | 'hanging-up';

/** A key management service on this machine that speaks the protocol of a real one. */
export interface FakeKms {
  /** SYMBOLON_KEYRING for its first key, and for a second one of the same service. */
  readonly uri: string;
  readonly otherUri: string;
  /** What the process needs beside it: credentials, addresses. */
  readonly environment: Readonly<Record<string, string>>;
  fault: KmsFault | undefined;
  /** Calls of the key service; tokens and challenges do not count. */
  readonly calls: readonly string[];
  /** What was wrong with a request, such as a signature; empty as long as the client is right. */
  readonly complaints: readonly string[];
  stop(): Promise<void>;
}

/** A symmetric key of the service, used with what the caller binds the message to. */
export class FakeKmsKey {
  readonly #key = randomBytes(32);

  encrypt(plaintext: Buffer, context: Buffer): Buffer {
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce, { authTagLength: 16 });
    cipher.setAAD(context);
    return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  }

  /** Undefined where the service would refuse. */
  decrypt(message: Buffer, context: Buffer): Buffer | undefined {
    try {
      const nonce = message.subarray(0, 12);
      const decipher = createDecipheriv('aes-256-gcm', this.#key, nonce, { authTagLength: 16 });
      decipher.setAAD(context);
      decipher.setAuthTag(message.subarray(-16));
      return Buffer.concat([decipher.update(message.subarray(12, -16)), decipher.final()]);
    } catch {
      return undefined;
    }
  }
}

export function headerOf(request: IncomingMessage, name: string): string {
  return String(request.headers[name] ?? '');
}
