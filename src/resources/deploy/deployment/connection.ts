import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  DeploymentServiceGetConnectionInfoRequest,
  DeploymentServiceGetConnectionInfoResponseSchema,
  ServiceEndpointSchema,
} from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import { DomainError } from "../../../errors.js";
import { startDeadline } from "../../../kube/deadline.js";
import { KubeError } from "../../../kube/errors.js";
import type { KubeObject } from "../../../kube/objects.js";
import type { Platform } from "../../../platform.js";
import { projectStore } from "../../api/project/store.js";
import { podsOf } from "../engine/inspect.js";
import { services } from "../engine/kinds.js";
import { labels } from "../engine/labels.js";
import { workloadName } from "../engine/names.js";
import { namespaceStore } from "../namespace/store.js";
import { releaseStore } from "../release/store.js";
import { urlOf } from "../route/messages.js";
import { routeStore } from "../route/store.js";
import { settingsOf } from "../settings/store.js";
import type { ProcessContent } from "../spec/content.js";
import { type TargetClient, targetAccess } from "../target/access.js";
import { found } from "./rules.js";
import { type DeploymentRow, deploymentStore } from "./store.js";

/** How long the target may take to tell what runs there. */
const lookMs = 5_000;
const mostServices = 100;

type Answer = MessageInitShape<typeof DeploymentServiceGetConnectionInfoResponseSchema>;
type Endpoint = MessageInitShape<typeof ServiceEndpointSchema>;

interface Service extends KubeObject {
  readonly spec?: {
    readonly ports?: readonly { readonly name?: string; readonly port?: number; readonly protocol?: string }[];
  };
}

/**
 * How a deployment is reached. What only its target knows, which is the names of its instances and the Services of
 * charts, is left out while the target does not answer.
 */
export async function connectionInfo(
  platform: Platform,
  request: DeploymentServiceGetConnectionInfoRequest,
  signal: AbortSignal,
): Promise<Answer> {
  const { db } = platform;
  const { project, environment, deployment: id } = request;
  const deployment = found(await deploymentStore.get(db, { project, environment, id }), id);
  const namespace = await namespaceStore.get(db, { project, id: deployment.namespace });
  const place = namespace?.name ?? "";
  const content = (await releaseStore.active(db, deployment.id))?.content;
  const live = content ? await liveOf(platform, deployment, place, signal) : { instances: [], services: [] };
  const endpoints =
    content?.source.type === "chart"
      ? live.services.flatMap((service) => endpointsOf(service, place))
      : (content?.processes ?? []).flatMap((process) => processEndpoints(deployment, process, place));
  return { urls: await urlsOf(platform, deployment), endpoints, instances: live.instances };
}

async function urlsOf({ db }: Platform, { id, project, environment }: DeploymentRow): Promise<string[]> {
  const tenant = (await projectStore.get(db, project))?.tenant ?? "";
  const settings = await settingsOf(db, tenant);
  const rows = await routeStore.list(db, { project, environment, deployment: id });
  return rows.filter(({ state }) => state !== "deleting").map((row) => urlOf(row, settings));
}

function processEndpoints(
  { objectName }: DeploymentRow,
  { name, ports }: ProcessContent,
  namespace: string,
): Endpoint[] {
  const service = workloadName(objectName, name);
  return ports.map((port) => ({
    name: service,
    host: hostOf(service, namespace),
    port: port.port,
    portName: port.name,
    protocol: port.protocol,
  }));
}

function endpointsOf({ metadata, spec }: Service, namespace: string): Endpoint[] {
  return (spec?.ports ?? []).map(({ name = "", port = 0, protocol = "TCP" }) => ({
    name: metadata.name,
    host: hostOf(metadata.name, namespace),
    port,
    portName: name,
    protocol,
  }));
}

const hostOf = (service: string, namespace: string): string => `${service}.${namespace}.svc.cluster.local`;

/** What the target tells; nothing when it does not in time. */
async function liveOf(
  platform: Platform,
  deployment: DeploymentRow,
  namespace: string,
  signal: AbortSignal,
): Promise<{ readonly instances: string[]; readonly services: readonly Service[] }> {
  const { id, project, objectName, target } = deployment;
  const client = targetAccess(platform, { project, id: target });
  const limit = startDeadline(lookMs, signal);
  try {
    const owner = { deployment: id, project, objectName, namespace };
    const pods = await podsOf(client, owner, limit.signal);
    return {
      instances: pods.map(({ metadata }) => metadata.name).toSorted(),
      services: await servicesOf(client, objectName, namespace, limit.signal),
    };
  } catch (error) {
    if (signal.aborted || !isAway(error)) throw error;
    return { instances: [], services: [] };
  } finally {
    limit.stop();
    client.close();
  }
}

async function servicesOf(
  client: TargetClient,
  objectName: string,
  namespace: string,
  signal: AbortSignal,
): Promise<readonly Service[]> {
  const labelSelector = `${labels.instance}=${objectName}`;
  return (await client.list<Service>(services, { namespace, labelSelector, limit: mostServices, signal })).items;
}

const isAway = (error: unknown): boolean => error instanceof KubeError || error instanceof DomainError;
