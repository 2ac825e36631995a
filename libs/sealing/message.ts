import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';

/*
 * One sealed message: ver(1) suite(1) keyId(16) salt(32) commit(32) nonce(12) ct tag(16).
 * Per message, HKDF-SHA-512(key, salt, info = version and suite) gives an AES-256 key and a 32-byte
 * commitment to it, as the committing suites of the AWS Encryption SDK do.
 */
const version = 1;
const suite = 1;
const offsets = { keyId: 2, salt: 18, commitment: 50, nonce: 82, ciphertext: 94 } as const;
const tagLength = 16;
const info = Buffer.from(`symbolon/message/${version}/${suite}`);
// RFC 5869 §2.3: the 64 bytes wanted are one block of SHA-512, which is the first.
const infoOfFirstBlock = Buffer.concat([info, Buffer.from([1])]);

/** A symmetric key with the 16-byte id that stands in every message sealed by it. */
export interface MessageKey {
  readonly id: Buffer;
  readonly key: Buffer;
}

/** A message that cannot be opened: wrong key, wrong context, or changed bytes. Says no more on purpose. */
export class SealBroken extends Error {
  override readonly name = 'SealBroken';
}

/** Length-prefixed parts, so that no two different lists of parts give the same bytes; then the header. */
function associatedData(parts: readonly string[], header: Buffer): Buffer {
  let length = header.length;
  for (const part of parts) length += 4 + Buffer.byteLength(part, 'utf8');
  const bytes = Buffer.allocUnsafe(length);
  let end = 0;
  for (const part of parts) {
    const written = bytes.write(part, end + 4, 'utf8');
    bytes.writeUInt32BE(written, end);
    end += 4 + written;
  }
  header.copy(bytes, end);
  return bytes;
}

export function sealMessage(
  key: MessageKey,
  context: readonly string[],
  plaintext: Buffer,
): Buffer {
  const salt = randomBytes(32);
  const { cipherKey, commitment } = derive(key.key, salt);
  const nonce = randomBytes(12);
  const header = Buffer.concat([Buffer.from([version, suite]), key.id, salt, commitment, nonce]);
  const cipher = createCipheriv('aes-256-gcm', cipherKey, nonce, { authTagLength: tagLength });
  cipher.setAAD(associatedData(context, header));
  return Buffer.concat([header, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** The id of the key that sealed `message`; find the key by it, never by trying. */
export function keyIdOf(message: Buffer): Buffer {
  if (
    message.length < offsets.ciphertext + tagLength ||
    message[0] !== version ||
    message[1] !== suite
  )
    throw new SealBroken('not a sealed message of a known version');
  return message.subarray(offsets.keyId, offsets.salt);
}

export function openMessage(key: MessageKey, context: readonly string[], message: Buffer): Buffer {
  if (!keyIdOf(message).equals(key.id)) throw new SealBroken('sealed by another key');
  const header = message.subarray(0, offsets.ciphertext);
  const { cipherKey, commitment } = derive(
    key.key,
    message.subarray(offsets.salt, offsets.commitment),
  );
  if (!timingSafeEqual(commitment, message.subarray(offsets.commitment, offsets.nonce)))
    throw new SealBroken('the key does not match its commitment');
  const nonce = message.subarray(offsets.nonce, offsets.ciphertext);
  const decipher = createDecipheriv('aes-256-gcm', cipherKey, nonce, { authTagLength: tagLength });
  decipher.setAAD(associatedData(context, header));
  decipher.setAuthTag(message.subarray(message.length - tagLength));
  try {
    const ciphertext = message.subarray(offsets.ciphertext, message.length - tagLength);
    return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
  } catch {
    throw new SealBroken('changed, or sealed for another place');
  }
}

// RFC 5869: extract, then expand. Node's hkdfSync is the same and takes twice as long, most of it for starting.
function derive(key: Buffer, salt: Buffer): { cipherKey: Buffer; commitment: Buffer } {
  const extracted = createHmac('sha512', salt).update(key).digest();
  const bytes = createHmac('sha512', extracted).update(infoOfFirstBlock).digest();
  return { cipherKey: bytes.subarray(0, 32), commitment: bytes.subarray(32) };
}
