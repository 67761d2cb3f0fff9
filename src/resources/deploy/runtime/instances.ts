import type { Logger } from "pino";
import { DomainError } from "../../../errors.js";
import type { KubeClient } from "../../../kube/client.js";
import { startDeadline } from "../../../kube/deadline.js";
import { KubeError } from "../../../kube/errors.js";
import type { TargetClients } from "../deployment/works/clients.js";
import { pods } from "../engine/kinds.js";
import { labels } from "../engine/labels.js";
import { inTurns } from "../engine/live.js";
import { fieldsOf, type LiveObject } from "../engine/standing-facts.js";
import { instanceMessage } from "./instance.js";
import { listAll } from "./list-all.js";
import { isChart, placesOf, selectorsOf } from "./scope.js";
import type { Subject } from "./store.js";

/** Which instances. */
export interface InstanceFilter {
  /** Empty for those of all processes. */
  readonly process: string;
  /** Empty for those on all nodes. */
  readonly node: string;
}

/** What listing needs. */
export interface ListingOptions {
  readonly targets: TargetClients;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

type InstanceMessage = ReturnType<typeof instanceMessage>;

/** Of each target. */
const deadlineMs = 10_000;
const mostInstances = 20_000;

/** The instances of deployments, by deployment, process and name, and the targets that could not be asked. */
export async function listInstances(
  subjects: readonly Subject[],
  filter: InstanceFilter,
  options: ListingOptions,
): Promise<{ readonly instances: InstanceMessage[]; readonly unreachableTargets: string[] }> {
  const found = new Map<string, InstanceMessage>();
  const unreachableTargets: string[] = [];
  await Promise.all(
    [...byPlace(subjects)].map(async ([target, places]) => {
      try {
        await onTarget(target, places, filter, options, found);
      } catch (error) {
        if (!isOfTarget(error)) throw error;
        options.log.debug({ err: error, target }, "instances could not be listed");
        unreachableTargets.push(target);
      }
    }),
  );
  return { instances: [...found.values()].sort(inOrder), unreachableTargets: unreachableTargets.sort() };
}

type Places = ReadonlyMap<string, readonly Subject[]>;

/** The deployments by target and Namespace. */
function byPlace(subjects: readonly Subject[]): Map<string, Places> {
  const targets = new Map<string, Map<string, Subject[]>>();
  for (const subject of subjects) {
    for (const { target, namespace } of placesOf(subject)) {
      const places = targets.get(target) ?? new Map<string, Subject[]>();
      places.set(namespace, [...(places.get(namespace) ?? []), subject]);
      targets.set(target, places);
    }
  }
  return targets;
}

async function onTarget(
  target: string,
  places: Places,
  filter: InstanceFilter,
  { targets, signal }: ListingOptions,
  found: Map<string, InstanceMessage>,
): Promise<void> {
  const [first] = [...places.values()].flat();
  if (first === undefined) return;
  const deadline = startDeadline(deadlineMs, signal);
  try {
    const work = targets.use({ project: first.project, id: target }, async (client) => {
      await inTurns([...places], deadline.signal, async ([namespace, subjects]) => {
        for await (const { subject, pod } of podsIn(client, namespace, subjects, filter, deadline.signal)) {
          if (found.size >= mostInstances) {
            throw new DomainError("exhausted", `there are more than ${mostInstances} instances: name a deployment`);
          }
          found.set(`${target} ${namespace} ${pod.metadata.name}`, instanceMessage(subject.id, pod));
        }
      });
    });
    // Access to the target may take longer, too.
    await orAborted(work, deadline.signal);
  } catch (error) {
    throw deadline.explain(error);
  } finally {
    deadline.stop();
  }
}

/** Does not wait for work any more once the signal aborts. */
async function orAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  let abort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
  });
  try {
    await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** The pods of some deployments in a Namespace; where there are several deployments, all are read and told apart. */
async function* podsIn(
  client: KubeClient,
  namespace: string,
  subjects: readonly Subject[],
  { process, node }: InstanceFilter,
  signal: AbortSignal,
): AsyncGenerator<{ readonly subject: Subject; readonly pod: LiveObject }> {
  const selectors = subjects.length === 1 ? subjects.flatMap(selectorsOf) : selectorsOfMany(subjects);
  const fieldSelector = node === "" ? undefined : `spec.nodeName=${node}`;
  const byId = new Map(subjects.map((subject) => [subject.id, subject]));
  const charts = new Map(subjects.filter(isChart).map((subject) => [subject.objectName, subject]));
  for (const labelSelector of selectors) {
    for await (const pod of listAll(client, pods, { namespace, labelSelector, fieldSelector, signal })) {
      const { [labels.deployment]: id, [labels.instance]: instance = "" } = pod.metadata.labels ?? {};
      const subject = id === undefined ? charts.get(instance) : byId.get(id);
      const isAsked = process === "" || pod.metadata.labels?.[labels.process] === process;
      const isThere = node === "" || fieldsOf(pod.spec).nodeName === node;
      if (subject !== undefined && isAsked && isThere) yield { subject, pod };
    }
  }
}

const selectorsOfMany = (subjects: readonly Subject[]): string[] =>
  subjects.some(isChart) ? [labels.deployment, `${labels.instance},!${labels.deployment}`] : [labels.deployment];

/** Whether a target is what failed: it does not answer, refuses, is too late, or is not there. */
function isOfTarget(error: unknown): boolean {
  if (error instanceof KubeError) return true;
  return error instanceof DomainError && ["unavailable", "missing", "precondition"].includes(error.kind);
}

function inOrder(a: InstanceMessage, b: InstanceMessage): number {
  const keyOf = ({ deployment = "", process = "", name = "" }: InstanceMessage) =>
    [deployment, process, name].join(" ");
  return keyOf(a) < keyOf(b) ? -1 : 1;
}
