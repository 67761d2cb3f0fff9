import { DomainError } from "../../../../errors.js";
import type { KubeClient } from "../../../../kube/client.js";
import { type KubeObject, pods } from "../../../../kube/objects.js";
import { isRecord } from "../../../../record.js";
import { labels } from "../../engine/labels.js";
import { listAll } from "../list-all.js";
import type { PodPlace } from "../logs/place.js";

/** A pod as Kubernetes has it, as far as commands go. */
export interface Pod extends KubeObject {
  readonly spec?: unknown;
  readonly status?: unknown;
}

/** Which instance somebody wants. */
export interface InstanceChoice {
  /** Name of the process; `web` or else the first when it is empty. */
  readonly process: string;
  /** Name of the instance; any ready one when it is empty. */
  readonly instance: string;
}

const usualProcess = "web";

/** The pod in which a command runs. Throws "missing" when there is none, and "precondition" when none is ready. */
export async function chooseInstance(
  client: KubeClient,
  { row, selection }: PodPlace,
  { process, instance }: InstanceChoice,
  signal: AbortSignal,
): Promise<Pod> {
  const items: Pod[] = [];
  for await (const pod of listAll(client, pods, { ...selection, signal })) items.push(pod);
  if (instance !== "") {
    const named = items.find(({ metadata }) => metadata.name === instance);
    if (named === undefined) throw new DomainError("missing", `deployment ${row.name} has no instance ${instance}`);
    return named;
  }
  const processes = [...new Set(items.map(processOf))].sort();
  const wanted = process !== "" ? process : processes.includes(usualProcess) ? usualProcess : processes[0];
  const all = items.filter((pod) => processOf(pod) === wanted);
  if (all.length === 0) {
    const what = process === "" ? "instances" : `instances of process ${process}`;
    throw new DomainError("missing", `deployment ${row.name} has no ${what}: start it first`);
  }
  const ready = all.find(isReady);
  if (ready === undefined) {
    throw new DomainError("precondition", `no instance of deployment ${row.name} is ready: name the one that is meant`);
  }
  return ready;
}

const processOf = ({ metadata }: Pod): string => metadata.labels?.[labels.process] ?? "";

function isReady({ metadata, status }: Pod): boolean {
  const conditions = isRecord(status) && Array.isArray(status.conditions) ? status.conditions : [];
  const ready = conditions.filter(isRecord).some(({ type, status: is }) => type === "Ready" && is === "True");
  return ready && metadata.deletionTimestamp === undefined;
}
