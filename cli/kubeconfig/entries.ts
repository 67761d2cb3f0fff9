import { accessSync, constants, realpathSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import type { Session } from "../session.js";
import type { Access } from "./access.js";

/** The entries of one cluster in a kubeconfig, all under one name. */
export interface Entries {
  readonly name: string;
  readonly cluster: Readonly<Record<string, unknown>>;
  readonly user: Readonly<Record<string, unknown>>;
}

/** Entries with the certificate itself. */
export function staticEntries(name: string, access: Access): Entries {
  const user = { "client-certificate-data": access.certificate, "client-key-data": access.key };
  return { name, cluster: clusterOf(access), user };
}

/** Entries without a key: kubectl runs this program, which asks for a certificate when one is needed. */
export async function execEntries(
  session: Session,
  name: string,
  access: Access,
  asked: { readonly uuid: string; readonly project: string; readonly expiration: string | undefined },
): Promise<Entries> {
  const { context, url, caFile } = await session.settings();
  const program = programOf();
  const args = ["kubeconfig", "exec-credential", "--cluster", asked.uuid, "--project", asked.project];
  args.push(...(context === undefined ? ["--url", url] : ["--context", context.name]));
  if (caFile !== undefined && context?.caFile !== caFile) args.push("--ca-file", resolve(caFile));
  if (asked.expiration !== undefined) args.push("--expiration", asked.expiration);
  const configured = process.env.SLIPWAY_CONFIG;
  const exec = {
    apiVersion: "client.authentication.k8s.io/v1",
    command: program.command,
    args: [...program.args, ...args],
    env: configured ? [{ name: "SLIPWAY_CONFIG", value: resolve(configured) }] : null,
    installHint: "slipway is what gives access to this cluster: put it on the PATH.",
    interactiveMode: "Never",
    provideClusterInfo: false,
  };
  return { name, cluster: clusterOf(access), user: { exec } };
}

/** A whole kubeconfig with nothing but these entries. */
export function kubeconfigOf({ name, cluster, user }: Entries) {
  return {
    apiVersion: "v1",
    kind: "Config",
    "current-context": name,
    clusters: [{ name, cluster }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    users: [{ name, user }],
  };
}

function clusterOf({ server, authority }: Access) {
  return { server, ...(authority === undefined ? {} : { "certificate-authority-data": authority }) };
}

/** By its name where that is on the PATH, so that an update of the program changes nothing; else by where it is. */
function programOf(): { readonly command: string; readonly args: readonly string[] } {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    if (folder !== "" && isExecutable(join(folder, "slipway"))) return { command: "slipway", args: [] };
  }
  return { command: process.execPath, args: [realpathSync(process.argv[1] ?? "")] };
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
