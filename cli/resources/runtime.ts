import type { InstanceSchema, RuntimeEventSchema, RuntimeObjectSchema } from "../../gen/ts/deploy/v1/runtime_pb.js";
import type { Kind } from "../output.js";
import type { Session } from "../session.js";
import { wordOf } from "./enums.js";
import { lazy } from "./lazy.js";
import { ageColumn, isoOf } from "./times.js";

const api = lazy(() => import("../../gen/ts/deploy/v1/runtime_pb.js"));
const deployment = lazy(() => import("../../gen/ts/deploy/v1/deployment_pb.js"));

/** A client of what runs. */
export async function runtime(session: Session) {
  const [{ RuntimeService }] = await Promise.all([api(), deployment()]);
  return await session.client(RuntimeService);
}

/** How instances are printed. */
export const instanceKind: Kind<typeof InstanceSchema> = {
  schema: async () => (await api()).InstanceSchema,
  name: ({ name }) => name,
  columns: [
    { header: "NAME", value: ({ name }) => name },
    { header: "PROCESS", value: ({ process }) => process },
    { header: "STATE", value: ({ state }) => wordOf(api.now().InstanceState, state) },
    { header: "RELEASE", value: ({ release }) => (release === 0 ? "" : release) },
    { header: "RESTARTS", value: ({ restarts }) => restarts },
    ageColumn(({ createdAt }) => createdAt),
    { header: "MESSAGE", value: ({ message }) => message },
    { header: "NODE", value: ({ node }) => node, wide: true },
    { header: "ADDRESS", value: ({ address }) => address, wide: true },
    { header: "CONTAINERS", value: ({ containers }) => containers.join(","), wide: true },
  ],
};

/** How objects are printed. */
export const objectKind: Kind<typeof RuntimeObjectSchema> = {
  schema: async () => (await api()).RuntimeObjectSchema,
  name: ({ object }) => `${object?.kind ?? ""}/${object?.name ?? ""}`,
  columns: [
    { header: "KIND", value: ({ object }) => object?.kind },
    { header: "NAME", value: ({ object }) => object?.name },
    { header: "HEALTH", value: ({ health }) => wordOf(deployment.now().DeploymentHealth, health) },
    ageColumn(({ createdAt }) => createdAt),
    { header: "MESSAGE", value: ({ message }) => message },
    { header: "API-VERSION", value: ({ apiVersion }) => apiVersion, wide: true },
    { header: "NAMESPACE", value: ({ namespace }) => namespace, wide: true },
  ],
};

/** How events are printed. */
export const eventKind: Kind<typeof RuntimeEventSchema> = {
  schema: async () => (await api()).RuntimeEventSchema,
  name: ({ object, reason }) => `${object?.kind ?? ""}/${object?.name ?? ""} ${reason}`,
  columns: [
    { header: "LAST", value: ({ lastAt }) => isoOf(lastAt) },
    { header: "TYPE", value: ({ type }) => type },
    { header: "REASON", value: ({ reason }) => reason },
    { header: "OBJECT", value: ({ object }) => `${object?.kind ?? ""}/${object?.name ?? ""}` },
    { header: "COUNT", value: ({ count }) => count },
    { header: "MESSAGE", value: ({ message }) => message },
  ],
};
