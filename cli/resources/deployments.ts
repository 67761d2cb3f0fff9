import type { DeploymentSchema } from "../../gen/ts/deploy/v1/deployment_pb.js";
import { isUuid } from "../find.js";
import type { Session } from "../session.js";
import { enumValueOf, wordOf } from "./enums.js";
import { addEnvironment, type EnvironmentFlag, environmentOf } from "./environments.js";
import { given } from "./given.js";
import { labelsOf } from "./labels.js";
import { lazy } from "./lazy.js";
import { targetOf } from "./namespaces.js";
import { allTokenPages } from "./pages.js";
import { findOne, type Resource } from "./resource.js";
import { ageColumn } from "./times.js";

const api = lazy(() => import("../../gen/ts/deploy/v1/deployment_pb.js"));

/** A client of the deployments. */
export const deployments = async (session: Session) => session.client((await api()).DeploymentService);

/** Filters of the list. */
export interface DeploymentFilter extends EnvironmentFlag {
  readonly target?: string;
  readonly label?: Record<string, string>;
  readonly phase?: string;
}

/** Deployments as commands know them. */
export const deploymentResource: Resource<typeof DeploymentSchema, DeploymentFilter> = {
  noun: "deployment",
  group: "deployment",
  flags: addEnvironment,
  kind: {
    schema: async () => (await api()).DeploymentSchema,
    name: ({ name }) => name,
    columns: [
      { header: "NAME", value: ({ name }) => name },
      { header: "PHASE", value: ({ phase }) => wordOf(api.now().DeploymentPhase, phase) },
      { header: "HEALTH", value: ({ health }) => wordOf(api.now().DeploymentHealth, health) },
      { header: "RELEASE", value: ({ activeRelease }) => (activeRelease === 0 ? "" : activeRelease) },
      {
        header: "PROCESSES",
        value: ({ processes }) =>
          processes.map(({ name, readyReplicas, replicas }) => `${name}:${readyReplicas}/${replicas}`).join(","),
      },
      ageColumn(({ createdAt }) => createdAt),
      { header: "MESSAGE", value: ({ phaseMessage, healthMessage }) => phaseMessage || healthMessage },
      { header: "KIND", value: ({ kind }) => kind, wide: true },
      { header: "UUID", value: ({ uuid }) => uuid, wide: true },
      { header: "SOURCE", value: ({ source }) => sourceOf(source?.source), wide: true },
      { header: "TASK", value: ({ task }) => task, wide: true },
      { header: "LABELS", value: ({ labels }) => labelsOf(labels), wide: true },
      { header: "VERSION", value: ({ version }) => String(version), wide: true },
    ],
  },
  id: ({ uuid }) => uuid,
  async list(session, flags) {
    const { DeploymentPhase } = await api();
    const { label } = flags;
    const project = await session.project();
    const environment = await environmentOf(session, flags);
    const target = (await targetOf(session, flags)) ?? "";
    const phase = flags.phase === undefined ? undefined : enumValueOf(DeploymentPhase, flags.phase);
    const client = await deployments(session);
    return await allTokenPages(async (pageToken, pageSize) => {
      const filters = { project, environment, target, ...given({ labels: label, phase }) };
      const answer = await client.list({ ...filters, pageToken, pageSize });
      return { items: answer.deployments, nextPageToken: answer.nextPageToken };
    });
  },
  async get(session, deployment, flags) {
    const environment = await environmentOf(session, flags);
    return (await (await deployments(session)).get({ project: await session.project(), environment, deployment }))
      .deployment;
  },
};

/** How requests name a deployment. */
export interface DeploymentPlace {
  readonly project: string;
  /** Empty unless --environment names one: callers whose role is held there name it. */
  readonly environment: string;
  readonly deployment: string;
}

/** The uuid of a deployment that is given by name or uuid. */
export async function deploymentIdOf(session: Session, reference: string, flags: EnvironmentFlag): Promise<string> {
  if (isUuid(reference)) return reference.toLowerCase();
  return (await findOne(session, deploymentResource, reference, given({ environment: flags.environment }))).uuid;
}

/** What a name or uuid means, as requests have it. */
export async function placeOf(session: Session, reference: string, flags: EnvironmentFlag): Promise<DeploymentPlace> {
  const environment = await environmentOf(session, flags);
  return { project: await session.project(), environment, deployment: await deploymentIdOf(session, reference, flags) };
}

/** What a deployment or release runs, in a cell. */
export function sourceOf(
  source:
    | { readonly case: "image"; readonly value: { readonly image: string } }
    | { readonly case: "chart"; readonly value: { readonly name: string; readonly resolvedVersion: string } }
    | { readonly case?: undefined }
    | undefined,
): string {
  if (source?.case === "image") return source.value.image;
  return source?.case === "chart" ? `${source.value.name} ${source.value.resolvedVersion}` : "";
}
