import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from "jose";
import type { Database } from "../db/database.js";
import { pause } from "../pause.js";
import type { Keyring } from "./keyring.js";
import { type StoredKey, signingKeyStore } from "./signing-key-store.js";

const algorithm = "ES256";
/** An unknown key id makes the keys be read again, but not more often than this: its caller waits so long. */
const reloadIntervalMs = 200;

/** The keys of the tokens: the newest whose time has come signs, all that are stored verify. */
export interface SigningKeys {
  signer(): Promise<Signer>;
  /** The public key of that id; undefined when there is none. */
  verifier(kid: string): Promise<CryptoKey | undefined>;
  /** What others may know of the keys, the newest first. */
  published(): Promise<readonly PublishedKey[]>;
  /** Reads the keys again before they are used: one came, or one was removed. */
  forget(): void;
}

/** The key that signs now. */
export interface Signer {
  readonly kid: string;
  readonly key: CryptoKey;
}

/** A public key as a member of a JWK set (RFC 7517). */
export interface PublishedKey extends Pick<JWK, "kty" | "crv" | "x" | "y"> {
  readonly kid: string;
  readonly alg: string;
  readonly use: "sig";
}

export interface SigningKeysOptions {
  /** Whether this process is told of changes; while it is not, the keys are read again and again. */
  readonly isTold?: () => boolean;
}

interface LoadedKeys {
  readonly stored: readonly StoredKey[];
  readonly publicKeys: ReadonlyMap<string, CryptoKey>;
}

/** Keys from the database; where none signs yet, one is made. */
export function createSigningKeys(
  db: Database,
  keyring: Keyring,
  clock: () => Date,
  { isTold = () => true }: SigningKeysOptions = {},
): SigningKeys {
  let loaded: Promise<LoadedKeys> | undefined;
  let loadedAt = 0;
  let making: Promise<unknown> | undefined;
  let opened: { readonly kid: string; readonly key: Promise<CryptoKey> } | undefined;

  const reload = (): Promise<LoadedKeys> => {
    loadedAt = clock().getTime();
    const next = load(db).catch((error: unknown) => {
      if (loaded === next) loaded = undefined;
      throw error;
    });
    loaded = next;
    return next;
  };
  const current = (): Promise<LoadedKeys> => {
    const isOld = clock().getTime() - loadedAt >= reloadIntervalMs;
    return loaded === undefined || (isOld && !isTold()) ? reload() : loaded;
  };

  let reloading: Promise<LoadedKeys> | undefined;
  /** One read for all who wait for it: a new key must hold at once, and garbage must not cost a query each. */
  const reloadSoon = (): Promise<LoadedKeys> => {
    const wait = Math.min(reloadIntervalMs, Math.max(0, loadedAt + reloadIntervalMs - clock().getTime()));
    reloading ??= pause(wait).then(() => {
      // Whoever comes from now on may have a key that this read will miss.
      reloading = undefined;
      return reload();
    });
    return reloading;
  };

  /** Makes a key, once for all who need it. */
  const make = async (): Promise<LoadedKeys> => {
    making ??= addSigningKey(db, keyring, clock()).finally(() => {
      making = undefined;
    });
    await making;
    return await reload();
  };

  return {
    async signer() {
      const signing = signingKey((await current()).stored, clock()) ?? signingKey((await make()).stored, clock());
      if (signing === undefined) throw new Error("the signing key was removed while it was read");
      const { kid } = signing;
      if (opened?.kid !== kid) {
        const key = openPrivate(db, keyring, kid).catch((error: unknown) => {
          opened = undefined;
          throw error;
        });
        opened = { kid, key };
      }
      return { kid, key: await opened.key };
    },
    async verifier(kid) {
      const known = (await current()).publicKeys.get(kid);
      return known ?? (await reloadSoon()).publicKeys.get(kid);
    },
    async published() {
      return (await current()).stored.map(publishedKey);
    },
    forget() {
      loaded = undefined;
    },
  };
}

/** Of keys in the order of the store, the one that signs: the newest whose time has come. */
export function signingKey(keys: readonly StoredKey[], now: Date): StoredKey | undefined {
  return keys.find(({ signsFrom }) => signsFrom <= now);
}

/** Makes a key pair and stores it; it verifies at once and signs after so many seconds. Answers its id. */
export async function addSigningKey(db: Database, keyring: Keyring, now: Date, signsInSeconds = 0): Promise<string> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true });
  const publicJwk = await exportJWK(publicKey);
  // In hexadecimal digits: as base64url one in 64 begins with "-", which no command takes for an argument.
  const kid = Buffer.from(await calculateJwkThumbprint(publicJwk), "base64url").toString("hex");
  const privateJwe = await keyring.seal(JSON.stringify(await exportJWK(privateKey)));
  const signsFrom = new Date(now.getTime() + signsInSeconds * 1000);
  await signingKeyStore.insert(db, { kid, publicJwk, privateJwe, createdAt: now, signsFrom });
  return kid;
}

async function load(db: Database): Promise<LoadedKeys> {
  const stored = await signingKeyStore.list(db);
  const publicKeys = new Map<string, CryptoKey>();
  for (const { kid, publicJwk } of stored) publicKeys.set(kid, (await importJWK(publicJwk, algorithm)) as CryptoKey);
  return { stored, publicKeys };
}

async function openPrivate(db: Database, keyring: Keyring, kid: string): Promise<CryptoKey> {
  const jwe = await signingKeyStore.privateJwe(db, kid);
  if (jwe === undefined) throw new Error("the signing key was removed while it was read");
  return (await importJWK(JSON.parse(await keyring.open(jwe)) as JWK, algorithm)) as CryptoKey;
}

/** Member by member, so that nothing else can ever leave. */
function publishedKey({ kid, publicJwk: { kty, crv, x, y } }: StoredKey): PublishedKey {
  return { kty, crv, x, y, kid, alg: algorithm, use: "sig" } as PublishedKey;
}
