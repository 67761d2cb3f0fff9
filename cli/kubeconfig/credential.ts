import { createHash } from "node:crypto";
import { rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { readIfThere, writeSecretFile } from "../files.js";
import { withLock } from "../lock.js";
import type { Session } from "../session.js";
import type { Settings } from "../settings.js";
import { type Access, endOf, requestAccess } from "./access.js";

/** A certificate is not used in the last of its time: what kubectl does with it takes time, too. */
const marginMs = 60_000;

interface ExecCredential {
  readonly apiVersion: "client.authentication.k8s.io/v1";
  readonly kind: "ExecCredential";
  readonly status: {
    readonly expirationTimestamp: string;
    readonly clientCertificateData: string;
    readonly clientKeyData: string;
  };
}

/** Which certificate kubectl asks for. */
export interface Wanted {
  readonly uuid: string;
  readonly project: string;
  readonly seconds: number | undefined;
}

/** The answer to kubectl, from memory while its certificate holds; of several that ask at once one gets a new one. */
export async function execCredential(session: Session, wanted: Wanted): Promise<string> {
  const file = cacheFile(await session.settings(), wanted);
  const known = await cached(file);
  if (known !== undefined) return known;
  return await withLock(file, async () => {
    const meanwhile = await cached(file);
    if (meanwhile !== undefined) return meanwhile;
    const text = credentialOf(await requestAccess(session, wanted, wanted.seconds));
    await writeSecretFile(file, text);
    return text;
  });
}

/** Keeps access that was asked for already, so that the first kubectl need not ask. */
export async function rememberAccess(session: Session, wanted: Wanted, access: Access): Promise<void> {
  const file = cacheFile(await session.settings(), wanted);
  await withLock(file, () => writeSecretFile(file, credentialOf(access)));
}

/** Forgets the certificates that a context was given. */
export async function forgetAccess(context: string): Promise<void> {
  await rm(join(cacheFolder(), folderOf(`context ${context}`)), { recursive: true, force: true });
}

function credentialOf(access: Access): string {
  const credential: ExecCredential = {
    apiVersion: "client.authentication.k8s.io/v1",
    kind: "ExecCredential",
    status: {
      expirationTimestamp: endOf(access).toISOString(),
      clientCertificateData: Buffer.from(access.certificate, "base64").toString(),
      clientKeyData: Buffer.from(access.key, "base64").toString(),
    },
  };
  return `${JSON.stringify(credential)}\n`;
}

async function cached(file: string): Promise<string | undefined> {
  const text = await readIfThere(file);
  if (text === undefined) return undefined;
  try {
    const { status } = JSON.parse(text) as Partial<ExecCredential>;
    return Date.parse(status?.expirationTimestamp ?? "") - Date.now() > marginMs ? text : undefined;
  } catch {
    return undefined;
  }
}

/** Whoever has other credentials gets another certificate. */
function cacheFile(settings: Settings, { uuid, seconds }: Wanted): string {
  const { context, url, token } = settings;
  const who = context === undefined ? `token ${token ?? ""}` : `context ${context.name}`;
  const user = context?.session?.user ?? context?.token ?? "";
  const what = createHash("sha256")
    .update(JSON.stringify([url, uuid, seconds, user]))
    .digest("hex");
  return join(cacheFolder(), folderOf(who), `${what.slice(0, 32)}.json`);
}

const folderOf = (who: string): string => createHash("sha256").update(who).digest("hex").slice(0, 32);

function cacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "slipway", "credentials");
}
