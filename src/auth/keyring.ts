import { createHmac, hkdfSync, timingSafeEqual } from "node:crypto";
import { CompactEncrypt, compactDecrypt, decodeProtectedHeader } from "jose";
import type { KeyringKey } from "../config.js";

/** Encrypts secrets that are stored, and decrypts them; signs what comes back from outside. */
export interface Keyring {
  /** Encrypts with the newest key; answers a compact JWE that names the key. */
  seal(plain: string): Promise<string>;
  /** Decrypts what any key of the ring has sealed; throws when none did, or when it was altered. */
  open(sealed: string): Promise<string>;
  /** Whether the newest key has sealed it. */
  isNewest(sealed: string): boolean;
  /** Signs a text with a key that is made of the newest key for that purpose alone: HMAC-SHA256 in base64url. */
  sign(purpose: string, text: string): string;
  /** Whether any key of the ring has signed the text for that purpose. */
  verifies(purpose: string, text: string, signature: string): boolean;
}

/** A keyring of AES-256-GCM keys, the newest first. Rotate by putting a new key in front. */
export function createKeyring(keys: readonly KeyringKey[]): Keyring {
  const newest = keys[0];
  if (newest === undefined) throw new Error("the keyring is empty: set SLIPWAY_KEYRING");
  return {
    seal: (plain) =>
      new CompactEncrypt(new TextEncoder().encode(plain))
        .setProtectedHeader({ alg: "dir", enc: "A256GCM", kid: newest.id })
        .encrypt(newest.key),
    async open(sealed) {
      const { plaintext } = await compactDecrypt(
        sealed,
        (header) => {
          const key = keys.find((candidate) => candidate.id === header.kid);
          if (key === undefined) throw new Error(`the keyring has no key ${JSON.stringify(header.kid)}`);
          return key.key;
        },
        { keyManagementAlgorithms: ["dir"], contentEncryptionAlgorithms: ["A256GCM"] },
      );
      return new TextDecoder().decode(plaintext);
    },
    isNewest: (sealed) => decodeProtectedHeader(sealed).kid === newest.id,
    sign: (purpose, text) => signatureOf(newest, purpose, text).toString("base64url"),
    verifies(purpose, text, signature) {
      const given = Buffer.from(signature, "base64url");
      const fits = (expected: Buffer): boolean => expected.length === given.length && timingSafeEqual(expected, given);
      return keys.some((key) => fits(signatureOf(key, purpose, text)));
    },
  };
}

function signatureOf({ key }: KeyringKey, purpose: string, text: string): Buffer {
  const derived = hkdfSync("sha256", key, "", `slipway ${purpose}`, 32);
  return createHmac("sha256", Buffer.from(derived)).update(text).digest();
}
