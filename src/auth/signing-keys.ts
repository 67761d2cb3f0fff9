import { desc } from "drizzle-orm";
import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from "jose";
import type { Database } from "../db/database.js";
import { pause } from "../pause.js";
import type { Keyring } from "./keyring.js";
import { signingKeys } from "./table.js";

const algorithm = "ES256";
/** An unknown key id makes the keys be read again, but not more often than this: its caller waits so long. */
const reloadIntervalMs = 200;

/** The keys of the tokens: one signs, all that are stored verify. */
export interface SigningKeys {
  signer(): Promise<{ kid: string; key: CryptoKey }>;
  /** The public key of that id; undefined when there is none. */
  verifier(kid: string): Promise<CryptoKey | undefined>;
}

interface LoadedKeys {
  readonly newest: { readonly kid: string; readonly privateJwe: string } | undefined;
  readonly publicKeys: ReadonlyMap<string, CryptoKey>;
}

/** Keys from the database; the first one is made when there is none yet. */
export function createSigningKeys(db: Database, keyring: Keyring, clock: () => Date): SigningKeys {
  let loaded: Promise<LoadedKeys> | undefined;
  let loadedAt = 0;
  let signer: Promise<{ kid: string; key: CryptoKey }> | undefined;

  const reload = (): Promise<LoadedKeys> => {
    loadedAt = clock().getTime();
    signer = undefined;
    const next = load(db).catch((error: unknown) => {
      if (loaded === next) loaded = undefined;
      throw error;
    });
    loaded = next;
    return next;
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

  const openSigner = async (): Promise<{ kid: string; key: CryptoKey }> => {
    let keys = await (loaded ?? reload());
    if (keys.newest === undefined) {
      await addSigningKey(db, keyring, clock());
      keys = await reload();
    }
    if (keys.newest === undefined) throw new Error("the signing key was removed while it was read");
    const jwk = JSON.parse(await keyring.open(keys.newest.privateJwe)) as JWK;
    return { kid: keys.newest.kid, key: (await importJWK(jwk, algorithm)) as CryptoKey };
  };

  return {
    signer() {
      signer ??= openSigner().catch((error: unknown) => {
        signer = undefined;
        throw error;
      });
      return signer;
    },
    async verifier(kid) {
      const known = (await (loaded ?? reload())).publicKeys.get(kid);
      return known ?? (await reloadSoon()).publicKeys.get(kid);
    },
  };
}

/** Makes a key pair and stores it; from then on it signs. */
export async function addSigningKey(db: Database, keyring: Keyring, now: Date): Promise<void> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true });
  const publicJwk = await exportJWK(publicKey);
  const kid = await calculateJwkThumbprint(publicJwk);
  const privateJwe = await keyring.seal(JSON.stringify(await exportJWK(privateKey)));
  await db.insert(signingKeys).values({ kid, publicJwk, privateJwe, createdAt: now });
}

async function load(db: Database): Promise<LoadedKeys> {
  const rows = await db.select().from(signingKeys).orderBy(desc(signingKeys.createdAt), signingKeys.kid);
  const publicKeys = new Map<string, CryptoKey>();
  for (const row of rows) publicKeys.set(row.kid, (await importJWK(row.publicJwk, algorithm)) as CryptoKey);
  return { newest: rows[0], publicKeys };
}
