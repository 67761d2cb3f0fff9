import { randomBytes } from "node:crypto";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type KeyringKey, parseKeyringKey } from "../config.js";
import type { Platform } from "../platform.js";
import type { OpenPlatform } from "../process.js";
import type { AdminRoleName, ProjectRoleName } from "../resources/api/roles.js";
import { ensurePersonalTenant } from "../resources/api/tenant/personal.js";
import { issueToken } from "../resources/api/token/issue.js";
import { principalStore } from "../resources/iam/principal/store.js";
import { ensureDemoCredit } from "./dev-credit.js";

/** What `slipway dev` tells its user and other programs, in DIR/dev.json. */
export interface DevInfo {
  /** Where the API is. */
  readonly url: string;
  readonly metrics_url: string;
  /** Path of a kubeconfig for the Kubernetes behind the platform. */
  readonly kubeconfig: string;
  /** Uuid of the tenant's default project. */
  readonly project: string;
  readonly tenant: string;
  readonly tokens: Readonly<Record<"owner" | "editor" | "viewer" | "admin", string>>;
  /** With what to sign in at the console; not where passwords are off. */
  readonly console?: { readonly user: string; readonly password: string };
}

const tenant = "demo";
const operator = "admin";
const tokenSeconds = 365 * 86_400;

/** Makes the demo tenant with its default project, credit and tokens; keeps earlier ones that hold and name this URL. */
export async function ensureDemo(
  open: OpenPlatform,
  url: string,
  earlier: DevInfo | undefined,
): Promise<Pick<DevInfo, "project" | "tenant" | "tokens" | "console">> {
  const { platform, principals } = open;
  const { db, clock, newId } = platform;
  await principalStore.ensureUser(db, operator, clock(), "editor");
  const project = await ensurePersonalTenant(db, tenant, { now: clock(), newId });
  await ensureDemoCredit(platform, tenant);
  const keep = async (name: keyof DevInfo["tokens"], mint: () => Promise<string>): Promise<string> => {
    const token = earlier?.url === url ? earlier.tokens[name] : undefined;
    const holds =
      token !== undefined &&
      (await Promise.resolve(principals.authenticate(token)).then(
        () => true,
        () => false,
      ));
    return holds ? token : await mint();
  };
  const member = (role: ProjectRoleName) => () => mint(platform, tenant, role, null);
  return {
    project,
    tenant,
    tokens: {
      owner: await keep("owner", member("owner")),
      editor: await keep("editor", member("editor")),
      viewer: await keep("viewer", member("viewer")),
      admin: await keep("admin", () => mint(platform, operator, undefined, "editor")),
    },
    ...(await ensurePassword(platform, earlier)),
  };
}

/** Makes the password of an earlier run, or else a new one, that of the demo tenant's user. */
async function ensurePassword(
  { passwords, settings }: Platform,
  earlier: DevInfo | undefined,
): Promise<Pick<DevInfo, "console">> {
  if (!settings.passwordSignIn) return {};
  const password = earlier?.console?.password || randomBytes(12).toString("base64url");
  await passwords.assign(tenant, password);
  return { console: { user: tenant, password } };
}

async function mint(
  platform: Platform,
  owner: string,
  role: ProjectRoleName | undefined,
  adminRole: AdminRoleName | null,
): Promise<string> {
  const roles = role === undefined ? {} : { "*": role };
  const { secret } = await issueToken(platform.db, platform.tokens, {
    id: platform.newId(),
    owner,
    type: "api",
    description: `slipway dev: ${role ?? adminRole ?? ""}`,
    permissions: {},
    projectRoles: roles,
    tenantRoles: roles,
    adminRole,
    now: platform.clock(),
    seconds: tokenSeconds,
  });
  return secret;
}

/** The key of this data directory, made at the first start. */
export async function readKeyring(dataDir: string): Promise<KeyringKey[]> {
  const path = join(dataDir, "keyring");
  const text = await readFile(path, "utf8").catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    const fresh = `dev:${randomBytes(32).toString("base64")}\n`;
    await writePrivate(path, fresh);
    return fresh;
  });
  const key = parseKeyringKey(text);
  if (key === undefined) throw new Error(`${path} does not hold a key: ID:BASE64 of 32 bytes`);
  return [key];
}

/** Writes DIR/dev.json, readable by its owner only. */
export async function writeDevInfo(dataDir: string, info: DevInfo): Promise<void> {
  await writePrivate(join(dataDir, "dev.json"), `${JSON.stringify(info, null, 2)}\n`);
}

/** What an earlier run in this directory has written, if any. */
export async function readDevInfo(dataDir: string): Promise<DevInfo | undefined> {
  try {
    return JSON.parse(await readFile(join(dataDir, "dev.json"), "utf8")) as DevInfo;
  } catch {
    // Missing, or half written by a process that was killed: it is made anew.
    return undefined;
  }
}

/** Writes a file that its owner alone can read. Readers see the old file or the new one, never a part. */
export async function writePrivate(path: string, text: string): Promise<void> {
  const next = `${path}.new`;
  // What somebody left there would keep the rights that it has.
  await rm(next, { force: true });
  await writeFile(next, text, { mode: 0o600, flag: "wx" });
  await rename(next, path);
}
