import type { SecretSchema } from "../../gen/ts/deploy/v1/secret_pb.js";
import type { Session } from "../session.js";
import { wordOf } from "./enums.js";
import { addEnvironment, type EnvironmentFlag, environmentOf } from "./environments.js";
import { given } from "./given.js";
import { labelsOf } from "./labels.js";
import { lazy } from "./lazy.js";
import { allNumberedPages } from "./pages.js";
import type { Resource } from "./resource.js";
import { ageColumn, isoOf } from "./times.js";

const api = lazy(() => import("../../gen/ts/deploy/v1/secret_pb.js"));

/** A client of the secrets. */
export const secrets = async (session: Session) => session.client((await api()).SecretService);

/** Where secrets are. */
export interface SecretPlace extends EnvironmentFlag {
  readonly collection?: string;
}

/** Secrets as commands know them. */
export const secretResource: Resource<typeof SecretSchema, SecretPlace> = {
  noun: "secret",
  group: "secret",
  flags: (command) =>
    addEnvironment(command, "of this environment: its name or uuid").option(
      "--collection <name>",
      "of this collection",
    ),
  kind: {
    schema: async () => (await api()).SecretSchema,
    name: ({ name }) => name,
    columns: [
      { header: "NAME", value: ({ name }) => name },
      { header: "TYPE", value: ({ type }) => wordOf(api.now().SecretType, type) },
      { header: "VERSION", value: ({ version }) => String(version) },
      { header: "KEYS", value: ({ keys }) => keys.join(",") },
      ageColumn(({ createdAt }) => createdAt),
      { header: "COLLECTION", value: ({ collection }) => collection, wide: true },
      { header: "ENVIRONMENT", value: ({ environment }) => environment, wide: true },
      { header: "EXPIRES", value: ({ certificate }) => isoOf(certificate?.notAfter), wide: true },
      { header: "UUID", value: ({ uuid }) => uuid, wide: true },
      { header: "LABELS", value: ({ labels }) => labelsOf(labels), wide: true },
    ],
  },
  id: ({ uuid }) => uuid,
  async list(session, flags) {
    const place = { project: await session.project(), environment: await environmentOf(session, flags) };
    const client = await secrets(session);
    return await allNumberedPages(async (page) => {
      const filters = given({ collection: flags.collection });
      const answer = await client.list({ ...place, ...filters, paging: given({ page }) });
      return { items: answer.secrets, nextPage: answer.nextPage };
    });
  },
  async get(session, uuid, flags) {
    const place = { project: await session.project(), environment: await environmentOf(session, flags) };
    return (await (await secrets(session)).get({ ...place, uuid })).secret;
  },
};
