import type { Command } from "commander";
import type { TargetNamespaceSchema } from "../../gen/ts/deploy/v1/namespace_pb.js";
import type { Session } from "../session.js";
import { wordOf } from "./enums.js";
import { given } from "./given.js";
import { labelsOf } from "./labels.js";
import { lazy } from "./lazy.js";
import { findId, type Resource } from "./resource.js";
import { targetResource } from "./targets.js";
import { ageColumn } from "./times.js";

const api = lazy(() => import("../../gen/ts/deploy/v1/namespace_pb.js"));

/** A client of the namespaces. */
export const namespaces = async (session: Session) => session.client((await api()).NamespaceService);

/** The flag --target, which tells namesakes of several targets apart. */
export interface TargetFlag {
  readonly target?: string;
}

/** Namespaces as commands know them. */
export const namespaceResource: Resource<typeof TargetNamespaceSchema, TargetFlag> = {
  noun: "namespace",
  group: "namespace",
  flags: (command: Command) => command.option("--target <target>", "on this target: its name or uuid"),
  kind: {
    schema: async () => (await api()).TargetNamespaceSchema,
    name: ({ name }) => name,
    columns: [
      { header: "NAME", value: ({ name }) => name },
      { header: "STATE", value: ({ state }) => wordOf(api.now().NamespaceState, state) },
      { header: "ADOPTED", value: ({ adopted }) => (adopted ? "yes" : "no") },
      ageColumn(({ createdAt }) => createdAt),
      { header: "MESSAGE", value: ({ message }) => message },
      { header: "UUID", value: ({ uuid }) => uuid, wide: true },
      { header: "TARGET", value: ({ target }) => target, wide: true },
      { header: "LABELS", value: ({ labels }) => labelsOf(labels), wide: true },
    ],
  },
  id: ({ uuid }) => uuid,
  async list(session, flags) {
    const target = await targetOf(session, flags);
    return (await (await namespaces(session)).list({ project: await session.project(), ...given({ target }) }))
      .namespaces;
  },
  async get(session, uuid) {
    return (await (await namespaces(session)).get({ project: await session.project(), uuid })).namespace;
  },
};

/** The uuid of the target of --target; undefined without. */
export async function targetOf(session: Session, { target }: TargetFlag): Promise<string | undefined> {
  return target === undefined ? undefined : await findId(session, targetResource, target, {});
}

/** The uuid of a namespace that a flag names, on the target if one is named; undefined without. */
export async function namespaceOf(
  session: Session,
  namespace: string | undefined,
  target: string | undefined,
): Promise<string | undefined> {
  return namespace === undefined ? undefined : await findId(session, namespaceResource, namespace, given({ target }));
}
