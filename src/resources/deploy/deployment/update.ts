import {
  type DeploymentServiceUpdateRequest,
  DeploymentServiceUpdateRequestSchema,
} from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import type { ConfigPatch, Processes, Source } from "../../../../gen/ts/deploy/v1/spec_pb.js";
import type { Platform } from "../../../platform.js";
import { labelsOf } from "../environment/labels.js";
import { planRelease } from "../release/plan.js";
import type { ReleaseChange, SourceContent } from "../spec/content.js";
import { configChangeOf, processesOf, sourceOf } from "../spec/convert.js";
import { found as foundTarget } from "../target/rules.js";
import { targetStore } from "../target/store.js";
import { type Accepted, acceptChange } from "./accept.js";
import type { Call } from "./call.js";
import { usualEngine } from "./chart-engine.js";
import { requestText } from "./request.js";
import { resolveSource } from "./resolve-source.js";
import { autoRollbackOf, found } from "./rules.js";
import { type DeploymentChanges, type DeploymentKey, type DeploymentRow, deploymentStore } from "./store.js";
import { shownOf } from "./views.js";

/** The parts of a release that requests set; what is left out stays. */
export interface AskedParts {
  readonly source?: Source | undefined;
  readonly processes?: Processes | undefined;
  readonly config?: ConfigPatch | undefined;
}

/** Changes a deployment: some of it at once, the rest by a release. */
export async function updateDeployment(
  platform: Platform,
  request: DeploymentServiceUpdateRequest,
  { actor, signal }: Call,
): Promise<Accepted> {
  const { project, environment, deployment: id, options } = request;
  const key = { project, environment, id };
  const changes = changesOf(request);
  const text = () => requestText(DeploymentServiceUpdateRequestSchema, request);
  return await acceptChange(platform, { actor, options, request: text }, key, async () => {
    const change = await changeOf(platform, key, request, signal);
    const cause = causeOf(change);
    return {
      plan: async (tx, deployment, open, at) => ({
        ...(Object.keys(changes).length === 0 ? {} : { changes }),
        ...(cause === undefined
          ? {}
          : await planRelease(platform, tx, { deployment, open, at }, { cause, kind: "release", change })),
      }),
    };
  });
}

/** Why a change makes a release; undefined for one that changes nothing. */
export function causeOf({ source, processes, config }: ReleaseChange): "updated" | "config" | undefined {
  if (source !== undefined || processes !== undefined) return "updated";
  return config === undefined ? undefined : "config";
}

/** What a request changes of a release, with its source resolved; throws as `sourceOf` and `resolveSource` do. */
export async function changeOf(
  platform: Platform,
  key: DeploymentKey,
  asked: AskedParts,
  signal: AbortSignal,
): Promise<ReleaseChange> {
  const processes = asked.processes && processesOf("processes.processes", asked.processes.processes);
  const config = asked.config && configChangeOf("config", asked.config);
  const source = asked.source && (await resolvedSource(platform, key, asked.source, signal));
  return {
    ...(source === undefined ? {} : { source }),
    ...(processes === undefined ? {} : { processes }),
    ...(config === undefined ? {} : { config }),
  };
}

async function resolvedSource(
  platform: Platform,
  key: DeploymentKey,
  asked: Source,
  signal: AbortSignal,
): Promise<SourceContent> {
  const { db } = platform;
  const row: DeploymentRow = found(await deploymentStore.get(db, key), key.id);
  const { project, target: id } = row;
  const target = foundTarget(await targetStore.get(db, { project, id }), id);
  const present = (await shownOf(platform, db, [row])).get(row.id)?.source;
  return await resolveSource(platform, row, sourceOf("source", asked, usualEngine(target, present)), signal);
}

function changesOf(request: DeploymentServiceUpdateRequest): DeploymentChanges {
  const { name, description, labels, autoRollback } = request;
  return {
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
    ...(labels === undefined ? {} : { labels: labelsOf("labels.labels", labels.labels) }),
    ...(autoRollback === undefined ? {} : autoRollbackOf(autoRollback)),
  };
}
