import { randomBytes, randomInt } from "node:crypto";
import {
  type DeploymentServiceCreateRequest,
  DeploymentServiceCreateRequestSchema,
} from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import type { Database } from "../../../db/database.js";
import { DomainError, invalidField } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { labelsOf } from "../environment/labels.js";
import { demandQuota } from "../quota/demand.js";
import { planRelease } from "../release/plan.js";
import type { ProcessContent, ReleaseChange, Scale } from "../spec/content.js";
import { configChangeOf, processesOf, scaleOf, sourceOf } from "../spec/convert.js";
import { usualProcesses } from "../spec/merge.js";
import { unitsOf } from "../spec/scale.js";
import { type Accepted, acceptChange, type Prepared } from "./accept.js";
import { refuseUnrequested } from "./autoscale-rules.js";
import type { Call } from "./call.js";
import { usualEngine } from "./chart-engine.js";
import { choosePlace, holdPlace, type Place } from "./place.js";
import { requestText } from "./request.js";
import { resolveSource } from "./resolve-source.js";
import { autoRollbackOf, kindOf, mostDeployments } from "./rules.js";
import { type DeploymentRow, deploymentStore } from "./store.js";

/** Makes a deployment with its first release. */
export async function createDeployment(
  platform: Platform,
  request: DeploymentServiceCreateRequest,
  { actor, signal }: Call,
): Promise<Accepted> {
  const { project, options } = request;
  const text = () => requestText(DeploymentServiceCreateRequestSchema, request);
  return await acceptChange(platform, { actor, options, request: text }, { project }, () =>
    prepare(platform, request, signal),
  );
}

async function prepare(
  platform: Platform,
  request: DeploymentServiceCreateRequest,
  signal: AbortSignal,
): Promise<Prepared> {
  const { project } = request;
  const labels = labelsOf("labels", request.labels);
  const place = await choosePlace(platform.db, request);
  const { change, scale } = changeOf(request, place);
  const source = await resolveSource(platform, { project, environment: place.environment.id }, change.source, signal);
  const facts = { name: request.name, description: request.description, labels, scale, kind: kindOf(source) };
  return {
    insert: async (tx) => await insert(platform, tx, place, { ...facts, ...autoRollbackOf(request.autoRollback) }),
    plan: async (tx, deployment, open, at) =>
      await planRelease(
        platform,
        tx,
        { deployment, open, at },
        { cause: "created", kind: "create", change: { ...change, source } },
      ),
  };
}

/** What a request asks for, before it is known what its registry has. */
function changeOf(request: DeploymentServiceCreateRequest, { target }: Place) {
  if (request.source === undefined) throw invalidField("source", "must say what it runs");
  const source = sourceOf("source", request.source, usualEngine(target));
  const processes = processesOf("processes", request.processes);
  if (source.type === "chart" && processes.length > 0) {
    throw invalidField("processes", "are those of an image: a chart has its own");
  }
  const running = source.type === "chart" ? [] : processes.length === 0 ? usualProcesses : processes;
  const config = request.config && configChangeOf("config", request.config);
  const change = { source, processes: running, ...(config === undefined ? {} : { config }) } satisfies ReleaseChange;
  return { change, scale: scaleWith(request, running) };
}

function scaleWith({ scale: asked }: DeploymentServiceCreateRequest, processes: readonly ProcessContent[]): Scale {
  const scale = scaleOf("scale", asked, processes);
  for (const process of processes) refuseUnrequested(process, scale[process.name]?.autoscale);
  return scale;
}

type Facts = Pick<
  DeploymentRow,
  "name" | "description" | "labels" | "scale" | "kind" | "autoRollback" | "rolloutSeconds"
>;

async function insert({ clock, newId }: Platform, tx: Database, place: Place, facts: Facts): Promise<DeploymentRow> {
  const { project } = place.environment;
  await holdPlace(tx, place);
  if ((await deploymentStore.count(tx, project)) >= mostDeployments) {
    throw new DomainError("exhausted", `the project has ${mostDeployments} deployments already: delete some`);
  }
  const environment = place.environment.id;
  await demandQuota(tx, { project, environment, newDeployments: 1, unitsAfter: unitsOf(facts.scale) });
  const now = clock();
  return await deploymentStore.insert(tx, {
    id: newId(),
    project,
    environment,
    target: place.target.id,
    namespace: place.namespace.id,
    objectName: await objectName(tx, project, facts.name),
    ...facts,
    createdAt: now,
    updatedAt: now,
  });
}

/**
 * The name, or one with which nothing is called as something else in the project is; it begins with a letter, as the
 * names of Services do. The caller holds the project.
 */
async function objectName(tx: Database, project: string, name: string): Promise<string> {
  const usual = /^[a-z]/.test(name) ? name : `d-${name}`;
  const isTaken = (candidate: string) => deploymentStore.hasObjectName(tx, project, candidate);
  let candidate = usual;
  for (let stem = usual; await isTaken(candidate); stem = usual.replaceAll("-", "")) {
    // No process has a name that begins with a digit: SHOP-1a2b3c is apart from all that belongs to SHOP.
    candidate = `${stem}-${randomInt(10)}${randomBytes(3).toString("hex").slice(1)}`;
  }
  return candidate;
}
