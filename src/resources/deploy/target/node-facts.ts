import type { KubeClient } from "../../../kube/client.js";
import { type KubeObject, nodes } from "../../../kube/objects.js";
import { isRecord } from "../../../record.js";
import type { NodeFacts } from "./table.js";

/** Bounds of what is kept of a target: it is its owner's, who may put anything into it. */
const mostNodes = 5_000;
const pageSize = 250;
const mostPageBytes = 16 * 1024 * 1024;
/** Of all nodes together, as JSON. */
const mostBytes = 16 * 1024 * 1024;
const mostEntries = 100;
const mostAddresses = 20;
const longestText = 512;

/** The nodes of a target. */
export interface NodeList {
  /** By name. */
  readonly nodes: readonly NodeFacts[];
  /** Whether these are all. */
  readonly isComplete: boolean;
}

/** Reads the nodes page by page, and no more than are kept. */
export async function readNodes(client: KubeClient, signal: AbortSignal): Promise<NodeList> {
  const all: NodeFacts[] = [];
  let bytes = 0;
  let next: string | undefined;
  do {
    const options = { limit: pageSize, continue: next, maxBytes: mostPageBytes, signal };
    const page = await client.list<KubeObject>(nodes, options);
    for (const node of (page.items as readonly unknown[]).filter(isRecord)) {
      const facts = factsOf(node);
      bytes += JSON.stringify(facts).length;
      if (all.length >= mostNodes || bytes > mostBytes) return { nodes: sorted(all), isComplete: false };
      all.push(facts);
    }
    // Pages without an end are no list.
    next = page.items.length === 0 ? undefined : page.continue;
  } while (next !== undefined);
  return { nodes: sorted(all), isComplete: true };
}

const sorted = (all: NodeFacts[]): NodeFacts[] => all.sort((a, b) => (a.name < b.name ? -1 : 1));

/** What is shown of a node, whatever it is. */
export function factsOf(node: Record<string, unknown>): NodeFacts {
  const metadata = recordOf(node.metadata);
  const status = recordOf(node.status);
  return {
    name: textOf(metadata.name),
    ready: listOf(status.conditions).some(({ type, status: is }) => type === "Ready" && is === "True"),
    schedulable: recordOf(node.spec).unschedulable !== true,
    addresses: listOf(status.addresses)
      .map(({ address }) => textOf(address))
      .filter((address) => address !== "")
      .slice(0, mostAddresses),
    kubeletVersion: textOf(recordOf(status.nodeInfo).kubeletVersion),
    allocatable: textsOf(status.allocatable),
    labels: textsOf(metadata.labels),
    createdAt: textOf(metadata.creationTimestamp),
  };
}

const recordOf = (value: unknown): Record<string, unknown> => (isRecord(value) ? value : {});

const listOf = (value: unknown): Record<string, unknown>[] => (Array.isArray(value) ? value.filter(isRecord) : []);

/** A quantity may be a number. */
const textOf = (value: unknown): string =>
  typeof value === "string" || typeof value === "number" ? String(value).slice(0, longestText) : "";

const textsOf = (value: unknown): Record<string, string> =>
  Object.fromEntries(
    Object.entries(recordOf(value))
      .slice(0, mostEntries)
      .map(([key, each]) => [key.slice(0, longestText), textOf(each)]),
  );
