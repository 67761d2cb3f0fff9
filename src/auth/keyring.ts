import { CompactEncrypt, compactDecrypt, decodeProtectedHeader } from "jose";
import type { KeyringKey } from "../config.js";

/** Encrypts secrets that are stored, and decrypts them. */
export interface Keyring {
  /** Encrypts with the newest key; answers a compact JWE that names the key. */
  seal(plain: string): Promise<string>;
  /** Decrypts what any key of the ring has sealed; throws when none did, or when it was altered. */
  open(sealed: string): Promise<string>;
  /** Whether the newest key has sealed it. */
  isNewest(sealed: string): boolean;
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
  };
}
