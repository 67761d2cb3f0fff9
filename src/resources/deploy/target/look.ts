import { startDeadline } from "../../../kube/deadline.js";
import { forbidden, KubeError } from "../../../kube/errors.js";
import { isRecord } from "../../../record.js";
import type { TargetClient } from "./access.js";
import { type NodeList, readNodes } from "./node-facts.js";

/** What a target showed when it was looked at. */
export interface Sight {
  readonly server: string;
  readonly kubernetesVersion: string;
  /** Preferred versions by API group, those of Kubernetes itself too. */
  readonly groups: Readonly<Record<string, string>>;
  /** Undefined when the credentials do not let Slipway see them. */
  readonly nodes: NodeList | undefined;
}

const mostBytes = 4 * 1024 * 1024;
const mostGroups = 500;
const namePattern = /^[a-z0-9][a-z0-9.-]{0,252}$/;
const versionPattern = /^v[a-z0-9]{1,30}$/;

/** Looks at a target: its version, what it serves, and its nodes. Throws what its calls throw. */
export async function lookAt(client: TargetClient, lookMs: number, signal: AbortSignal): Promise<Sight> {
  const limit = startDeadline(lookMs, signal);
  const options = { signal: limit.signal, timeoutMs: lookMs, maxBytes: mostBytes };
  try {
    const kubernetesVersion = versionIn(await client.getPath("/version", options));
    const groups = groupsIn(await client.getPath("/apis", options));
    return { kubernetesVersion, groups, nodes: await visibleNodes(client, limit.signal), server: client.server() };
  } catch (error) {
    throw limit.explain(error);
  } finally {
    limit.stop();
  }
}

async function visibleNodes(client: TargetClient, signal: AbortSignal): Promise<NodeList | undefined> {
  try {
    return await readNodes(client, signal);
  } catch (error) {
    if (forbidden(error)) return undefined;
    throw error;
  }
}

/** Such as 1.33.5 of v1.33.5+k3s1. */
function versionIn(answer: unknown): string {
  const text = isRecord(answer) && typeof answer.gitVersion === "string" ? answer.gitVersion : "";
  const version = /^v?(\d{1,4}\.\d{1,4}\.\d{1,4})/.exec(text)?.[1];
  if (version === undefined) throw new KubeError("malformed", "the answer is no version of Kubernetes");
  return version;
}

function groupsIn(answer: unknown): Record<string, string> {
  const groups = isRecord(answer) ? answer.groups : undefined;
  if (!Array.isArray(groups)) throw new KubeError("malformed", "the answer is no list of API groups");
  const found = groups.filter(isRecord).flatMap(({ name, preferredVersion, versions }): [string, string][] => {
    const [first]: unknown[] = Array.isArray(versions) ? versions : [];
    const named = [preferredVersion, first].find(isRecord) ?? {};
    const { version } = named;
    if (typeof name !== "string" || !namePattern.test(name)) return [];
    return typeof version === "string" && versionPattern.test(version) ? [[name, version]] : [];
  });
  return Object.fromEntries(found.slice(0, mostGroups));
}
