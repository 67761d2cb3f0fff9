import { DomainError } from "../../../errors.js";
import type { KubeClient } from "../../../kube/client.js";
import type { Platform } from "../../../platform.js";
import type { Manifest } from "../engine/engine.js";
import { workloadName } from "../engine/names.js";
import { namespaceStore } from "../namespace/store.js";
import { releaseStore } from "../release/store.js";
import { valuesOf } from "../secret/content.js";
import { secretStore } from "../secret/store.js";
import { settingsOf } from "../settings/store.js";
import type { ReleaseContent } from "../spec/content.js";
import { type TargetRow, targetStore } from "../target/store.js";
import type { DeploymentRow } from "../task/work.js";
import { firstPort, refusalOf } from "./kube.js";
import { type Backend, portOf, routeManifests } from "./render.js";
import { variantOf } from "./shares.js";
import type { RouteRow } from "./store.js";
import { encryptionOf } from "./tls.js";

/** Where a deployment is. */
export interface Place {
  readonly target: TargetRow;
  /** Name of the Namespace. */
  readonly namespace: string;
}

/** What a route is to be on its target, or why it cannot be. */
export type RoutePlan = { readonly row: RouteRow } & (
  | { readonly manifests: readonly Manifest[]; readonly problem?: undefined }
  | { readonly problem: string; readonly manifests?: undefined }
);

/** Where a deployment is now. Throws "missing" when that is gone. */
export async function placeOf({ db }: Pick<Platform, "db">, deployment: DeploymentRow): Promise<Place> {
  const { project } = deployment;
  const target = await targetStore.get(db, { project, id: deployment.target });
  const namespace = await namespaceStore.get(db, { project, id: deployment.namespace });
  if (target === undefined) throw new DomainError("missing", `target ${deployment.target} does not exist`);
  if (namespace === undefined) throw new DomainError("missing", `namespace ${deployment.namespace} does not exist`);
  return { target, namespace: namespace.name };
}

/** What routes of a deployment are to be while its active release runs; charts are asked for the ports of Services. */
export async function planRoutes(
  platform: Pick<Platform, "db" | "keyring">,
  deployment: DeploymentRow,
  rows: readonly RouteRow[],
  { place, client, signal }: { place: Place; client: KubeClient; signal: AbortSignal },
): Promise<RoutePlan[]> {
  const content = (await releaseStore.active(platform.db, deployment.id))?.content;
  if (rows.length === 0 || content === undefined || content === null) return [];
  const plans: RoutePlan[] = [];
  for (const row of rows) {
    try {
      const backend = await backendOf(row, content, { deployment, place, client, signal });
      plans.push({ row, manifests: await manifestsOf(platform, row, { deployment, place, backend }) });
    } catch (error) {
      const problem = refusalOf(error);
      if (problem === undefined) throw error;
      plans.push({ row, problem });
    }
  }
  return plans;
}

interface Around {
  readonly deployment: DeploymentRow;
  readonly place: Place;
}

/** Where requests go; the process is empty for a chart. */
type Goal = Backend & { readonly process: string };

async function backendOf(
  row: RouteRow,
  content: ReleaseContent,
  { deployment, place, client, signal }: Around & { client: KubeClient; signal: AbortSignal },
): Promise<Goal> {
  if (content.source.type === "image") {
    const { process, port } = portOf(content, row);
    return { service: workloadName(deployment.objectName, process.name), process: process.name, port: port.port };
  }
  const { service, port } = row;
  if (service === "") throw new DomainError("precondition", "the deployment is of a chart: name the Service");
  if (port !== "") return { service, process: "", port: /^\d+$/.test(port) ? Number(port) : port };
  return { service, process: "", port: await firstPort(client, { name: service, namespace: place.namespace }, signal) };
}

async function manifestsOf(
  platform: Pick<Platform, "db" | "keyring">,
  route: RouteRow,
  { deployment, place, backend }: Around & { backend: Goal },
): Promise<Manifest[]> {
  const router = place.target.routers.find(({ name }) => name === route.router);
  if (router === undefined) throw new DomainError("missing", `the target has no router ${route.router}`);
  const { tls } = await settingsOf(platform.db, route.tenant);
  const encryption = encryptionOf(route.tls, route.hostname, router, tls.clusterIssuer);
  const share = backend.process === "" ? undefined : variantOf(route, deployment.activeRelease);
  const { objectName } = deployment;
  return routeManifests({
    route,
    router,
    objectName,
    namespace: place.namespace,
    backend,
    encryption,
    ...(encryption.type === "copy" ? { certificate: await certificateOf(platform, route, encryption.secret) } : {}),
    ...(share === undefined
      ? {}
      : { canary: { service: workloadName(objectName, backend.process, share.release), percent: share.percent } }),
  });
}

/** The newest content of a TLS secret, as a Secret has it. */
async function certificateOf(
  { db, keyring }: Pick<Platform, "db" | "keyring">,
  { project }: RouteRow,
  secret: string,
): Promise<Record<string, string>> {
  const content = await secretStore.content(db, { project, environment: "", id: secret });
  if (content === undefined) throw new DomainError("missing", `secret ${secret} does not exist`);
  const values = Object.entries(valuesOf(await keyring.open(content.dataSealed)));
  return Object.fromEntries(values.map(([key, value]) => [key, Buffer.from(value).toString("base64")]));
}
