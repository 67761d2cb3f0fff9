import type { TargetSchema } from "../../gen/ts/deploy/v1/target_pb.js";
import type { Session } from "../session.js";
import { wordOf } from "./enums.js";
import { given } from "./given.js";
import { labelsOf } from "./labels.js";
import { lazy } from "./lazy.js";
import type { Resource } from "./resource.js";
import { ageColumn, ageOf } from "./times.js";

const api = lazy(() => import("../../gen/ts/deploy/v1/target_pb.js"));

/** A client of the targets. */
export const targets = async (session: Session) => session.client((await api()).TargetService);

/** Filters of the list. */
export interface TargetFilter {
  readonly label?: Record<string, string>;
}

/** Targets as commands know them. */
export const targetResource: Resource<typeof TargetSchema, TargetFilter> = {
  noun: "target",
  group: "target",
  kind: {
    schema: async () => (await api()).TargetSchema,
    name: ({ name }) => name,
    columns: [
      { header: "NAME", value: ({ name }) => name },
      { header: "CONNECTION", value: ({ connection }) => wordOf(api.now().ConnectionState, connection) },
      { header: "HEALTH", value: ({ health }) => wordOf(api.now().TargetHealth, health) },
      { header: "KUBERNETES", value: ({ kubernetesVersion }) => kubernetesVersion },
      { header: "ROUTERS", value: ({ routers }) => routers.map(({ name }) => name).join(",") },
      ageColumn(({ createdAt }) => createdAt),
      { header: "UUID", value: ({ uuid }) => uuid, wide: true },
      { header: "SERVER", value: ({ server }) => server, wide: true },
      { header: "SEEN", value: ({ lastSeenAt }) => ageOf(lastSeenAt), wide: true },
      {
        header: "MESSAGE",
        value: ({ connectionMessage, healthMessage }) => connectionMessage || healthMessage,
        wide: true,
      },
      { header: "LABELS", value: ({ labels }) => labelsOf(labels), wide: true },
      { header: "VERSION", value: ({ version }) => String(version), wide: true },
    ],
  },
  id: ({ uuid }) => uuid,
  async list(session, { label }) {
    const project = await session.project();
    return (await (await targets(session)).list({ project, ...given({ labels: label }) })).targets;
  },
  async get(session, uuid) {
    return (await (await targets(session)).get({ project: await session.project(), uuid })).target;
  },
};
