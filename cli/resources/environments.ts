import type { Command } from "commander";
import type { EnvironmentSchema } from "../../gen/ts/deploy/v1/environment_pb.js";
import type { Session } from "../session.js";
import { given } from "./given.js";
import { labelsOf } from "./labels.js";
import { lazy } from "./lazy.js";
import { findId, type Resource } from "./resource.js";
import { ageColumn } from "./times.js";

const api = lazy(() => import("../../gen/ts/deploy/v1/environment_pb.js"));

/** A client of the environments. */
export const environments = async (session: Session) => session.client((await api()).EnvironmentService);

/** Filters of the list. */
export interface EnvironmentFilter {
  readonly label?: Record<string, string>;
}

/** Environments as commands know them. */
export const environmentResource: Resource<typeof EnvironmentSchema, EnvironmentFilter> = {
  noun: "environment",
  group: "environment",
  kind: {
    schema: async () => (await api()).EnvironmentSchema,
    name: ({ name }) => name,
    columns: [
      { header: "NAME", value: ({ name }) => name },
      { header: "DEFAULT", value: ({ isDefault }) => (isDefault ? "yes" : "no") },
      { header: "CONSTRAINTS", value: ({ constraints }) => constraints.length },
      ageColumn(({ createdAt }) => createdAt),
      { header: "DESCRIPTION", value: ({ description }) => description },
      { header: "UUID", value: ({ uuid }) => uuid, wide: true },
      { header: "NODE-SELECTOR", value: ({ nodeSelector }) => labelsOf(nodeSelector), wide: true },
      { header: "LABELS", value: ({ labels }) => labelsOf(labels), wide: true },
      { header: "VERSION", value: ({ version }) => String(version), wide: true },
    ],
  },
  id: ({ uuid }) => uuid,
  async list(session, { label }) {
    const project = await session.project();
    return (await (await environments(session)).list({ project, ...given({ labels: label }) })).environments;
  },
  async get(session, environment) {
    return (await (await environments(session)).get({ project: await session.project(), environment })).environment;
  },
};

/** The flag --environment. */
export interface EnvironmentFlag {
  readonly environment?: string;
}

/** Declares --environment for what is in environments. */
export function addEnvironment(command: Command, description = "the environment: its name or uuid"): Command {
  return command.option("--environment <environment>", description);
}

/** The uuid of the environment of --environment; empty without, as requests have it. */
export async function environmentOf(session: Session, { environment }: EnvironmentFlag): Promise<string> {
  return environment === undefined ? "" : await findId(session, environmentResource, environment, {});
}
