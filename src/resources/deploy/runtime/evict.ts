import { DomainError } from "../../../errors.js";
import { conflict, KubeError, notFound } from "../../../kube/errors.js";
import { pods } from "../engine/kinds.js";
import { getObject, type ReadingOptions, reach } from "./objects.js";
import type { Subject } from "./store.js";

/** A budget that allows nothing now is not waited for: who asks is told. */
const deadlineMs = 8_000;

/**
 * Evicts a pod of a deployment. Throws "missing" when there is none of that name, "precondition" when a disruption
 * budget is against it, and "unavailable" when the target does not answer.
 */
export async function evictInstance(subject: Subject, name: string, options: ReadingOptions): Promise<void> {
  const { object } = await getObject(subject, { group: "", kind: pods.kind, name }, options);
  const { namespace, uid } = object.metadata;
  const eviction = {
    apiVersion: "policy/v1",
    kind: "Eviction",
    metadata: { name, namespace },
    // Not the one that may have come in its place.
    ...(uid === undefined ? {} : { deleteOptions: { preconditions: { uid } } }),
  };
  const target = { project: subject.project, id: subject.target };
  await reach(options.targets, target, async (client) => {
    try {
      const call = { signal: options.signal, timeoutMs: deadlineMs };
      await client.createSubresource(pods, { name, namespace }, "eviction", eviction, call);
    } catch (error) {
      throw refusalOf(error, name);
    }
  });
}

function refusalOf(error: unknown, name: string): unknown {
  const cause = { cause: error };
  if (notFound(error) || conflict(error)) return new DomainError("missing", `instance ${name} is gone`, cause);
  if (!(error instanceof KubeError) || error.code !== 429) return error;
  const budget = error.details.find(({ reason }) => reason === "DisruptionBudget");
  // Without it the API server has too much to do.
  if (budget === undefined && !/disruption budget/.test(error.message)) return error;
  const [, which, needs, has] = toldPattern.exec(budget?.message ?? "") ?? [];
  const why =
    which === undefined
      ? "a disruption budget does not allow it"
      : `disruption budget ${which} does not allow it: it needs ${needs} healthy pods and has ${has}`;
  return new DomainError("precondition", `instance ${name} is not evicted: ${why}`, cause);
}

const toldPattern = /^The disruption budget (\S{1,253}) needs (\d{1,9}) healthy pods and has (\d{1,9}) currently/;
