import {
  type RuntimeServiceRestartObjectRequest,
  RuntimeServiceRestartObjectRequestSchema,
} from "../../../../gen/ts/deploy/v1/runtime_pb.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { acceptChange } from "../deployment/accept.js";
import { requestText } from "../deployment/request.js";
import { refuseUnreleased } from "../deployment/rules.js";
import type { TaskRow } from "../task/work.js";
import { isMeant, restartableOf } from "./kinds.js";
import { getObject, type ReadingOptions } from "./objects.js";
import { subjectOf } from "./scope.js";

/** Who asks for it, and with what it is looked for. */
export interface RestartCall extends ReadingOptions {
  /** Id of the principal. */
  readonly actor: string;
}

/**
 * Accepts that the pods of a workload are started anew. Throws "invalid" for a kind that has none, "missing" when the
 * deployment has no such object, "unavailable" when its target does not answer, and what `acceptChange` throws.
 */
export async function restartObject(
  platform: Platform,
  request: RuntimeServiceRestartObjectRequest,
  { actor, ...reading }: RestartCall,
): Promise<TaskRow> {
  const { project, environment, deployment: id, options } = request;
  const { kind = "", name = "", group = "" } = request.object ?? {};
  const text = () => requestText(RuntimeServiceRestartObjectRequestSchema, request);
  const order = { actor, options, request: text };
  const { task } = await acceptChange(platform, order, { project, environment, id }, async () => {
    const type = restartableOf("object.kind", { kind, group });
    const subject = await subjectOf(platform.db, { project, environment, deployment: id });
    if (subject.stopped !== "") throw new DomainError("precondition", "the deployment is stopped: start it");
    const isApplied = subject.inventory.some((entry) => isMeant({ kind, group }, entry) && entry.name === name);
    // What a chart has made nobody knows but its target.
    if (!isApplied) await getObject(subject, { kind, name, group }, reading);
    return {
      plan: async (_, deployment, open) => {
        refuseUnreleased(deployment, open);
        return { task: { kind: "action", params: { object: { group: type.group, kind, name } } } };
      },
    };
  });
  if (task === undefined) throw new Error("no task was made");
  return task;
}
