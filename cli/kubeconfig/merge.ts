import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import type { Document, YAMLMap, YAMLSeq } from "yaml";
import { Failure } from "../failure.js";
import { readIfThere, writeSecretFile } from "../files.js";
import { withLock } from "../lock.js";
import type { Entries } from "./entries.js";

/** Where kubectl keeps its kubeconfig: the first file of KUBECONFIG, or ~/.kube/config. */
export function kubeconfigPath(env: NodeJS.ProcessEnv = process.env): string {
  const [first] = (env.KUBECONFIG ?? "").split(delimiter).filter((file) => file !== "");
  return first ?? join(homedir(), ".kube", "config");
}

/** What to do with the context that kubectl uses: change it, or only set it where there is none. */
export interface MergeOptions {
  readonly use: boolean;
  /** Uuid of the project: entries of the same project are replaced, others are not. */
  readonly project: string;
}

/** Puts entries into a kubeconfig. What else is in it stays as it is, and in its place; kubectl takes the same lock. */
export async function mergeInto(file: string, entries: Entries, options: MergeOptions): Promise<void> {
  await withLock(file, async () => {
    const before = (await readIfThere(file)) ?? "";
    await writeSecretFile(file, await merged(before, entries, options, file));
  });
}

async function merged(text: string, entries: Entries, options: MergeOptions, file: string): Promise<string> {
  const { isMap, parseDocument } = await import("yaml");
  const document = parseDocument(text.trim() === "" ? "apiVersion: v1\nkind: Config\n" : text);
  const [fault] = document.errors;
  if (fault !== undefined || !isMap(document.contents)) {
    const why = fault?.message.split("\n")[0] ?? "it is no mapping";
    throw new Failure("general", `${file} is no kubeconfig: ${why}`, ["Mend it, or name another file with --file."]);
  }
  const { name, cluster, user } = entries;
  demandOwn(document, entries, options.project, file);
  await put(document, "clusters", name, "cluster", cluster);
  await put(document, "contexts", name, "context", { cluster: name, user: name });
  await put(document, "users", name, "user", user);
  if (options.use || !document.get("current-context")) document.set("current-context", name);
  // kubectl writes its lists without indentation.
  const indentSeq = /^(?:clusters|contexts|users):\s*\n\s+-/m.test(text);
  return document.toString({ lineWidth: 0, indentSeq });
}

async function put(document: Document, list: string, name: string, field: string, value: unknown): Promise<void> {
  const { isSeq } = await import("yaml");
  const fresh = document.createNode({ name, [field]: value });
  const there = document.get(list);
  if (!isSeq(there)) return void document.set(list, document.createNode([fresh]));
  const at = (there as YAMLSeq<YAMLMap>).items.findIndex((item) => item.get?.("name") === name);
  const old = (there as YAMLSeq<YAMLMap>).items[at];
  if (old === undefined) there.items.push(fresh);
  else old.set(field, document.createNode(field === "context" ? { ...contextOf(old), ...asRecord(value) } : value));
  // `clusters: []`, as kubectl writes an empty list.
  there.flow = false;
}

/** What a context has beside cluster and user, such as the namespace, stays. */
function contextOf(old: YAMLMap): Record<string, unknown> {
  return asRecord((old.toJSON() as { context?: unknown }).context);
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

/** Entries of this name that lead elsewhere are somebody else's. */
function demandOwn(document: Document, { name, cluster }: Entries, project: string, file: string): void {
  const json = document.toJS() as Record<"clusters" | "users", { name?: string; [field: string]: unknown }[] | null>;
  const server = entry(json.clusters, name, "cluster")?.server;
  const exec = entry(json.users, name, "user")?.exec as { args?: unknown } | undefined;
  const args = Array.isArray(exec?.args) ? exec.args : [];
  const isOwn = args.includes("exec-credential") && args.includes(project);
  if (server === undefined || server === cluster.server || isOwn) return;
  throw new Failure("conflict", `${file} has another cluster "${name}": ${String(server)}`, [
    "Give this one another name there with --name.",
  ]);
}

function entry(
  list: { name?: string; [field: string]: unknown }[] | null | undefined,
  name: string,
  field: string,
): Record<string, unknown> | undefined {
  const found = Array.isArray(list) ? list.find((each) => each.name === name) : undefined;
  return found?.[field] as Record<string, unknown> | undefined;
}
