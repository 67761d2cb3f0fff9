import type { ConnectRouter } from "@connectrpc/connect";
import { SecretService, type SecretServiceRevealRequest } from "../../../../gen/ts/deploy/v1/secret_pb.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { cutPage, pageOf } from "../../api/paging.js";
import { labelsOf } from "../environment/labels.js";
import { createSecret, deleteSecret, updateSecret } from "./change.js";
import { valuesOf } from "./content.js";
import { secretMessage, secretTypeOf } from "./messages.js";
import { found, mostVersions } from "./rules.js";
import { secretStore } from "./store.js";

/** deploy.v1.SecretService: what deployments must know and nobody else. */
export function registerSecret(router: ConnectRouter, platform: Platform): void {
  const { db } = platform;
  router.service(SecretService, {
    create: async (request) => ({ secret: secretMessage(await createSecret(platform, request)) }),
    async get({ project, environment, uuid }) {
      return { secret: secretMessage(found(await secretStore.get(db, { project, environment, id: uuid }), uuid)) };
    },
    async list({ project, environment, collection, type, labels, paging }) {
      const page = pageOf(paging, { fallback: 200 });
      const filter = {
        project,
        environment,
        collection,
        type: secretTypeOf(type),
        labels: labelsOf("labels", labels),
      };
      const { rows, next } = cutPage(page, await secretStore.list(db, filter, page));
      return { secrets: rows.map(secretMessage), ...next };
    },
    update: async (request) => ({ secret: secretMessage(await updateSecret(platform, request)) }),
    async delete({ project, environment, uuid }) {
      return { secret: secretMessage(await deleteSecret(platform, { project, environment, id: uuid })) };
    },
    reveal: async (request) => await reveal(platform, request),
  });
}

async function reveal({ db, keyring }: Platform, request: SecretServiceRevealRequest) {
  const { project, environment, uuid, version, key } = request;
  const asked = version === undefined ? undefined : Number(version);
  const secret = { project, environment, id: uuid };
  // No version is beyond the last, whatever the number: those that the database cannot compare are not there.
  const isThere = asked === undefined || asked <= mostVersions;
  const content = isThere ? await secretStore.content(db, secret, asked) : undefined;
  if (content === undefined) {
    found(await secretStore.get(db, secret), uuid);
    throw new DomainError("missing", `secret ${uuid} has no version ${version}`);
  }
  if (key !== undefined && !content.keys.includes(key)) {
    throw new DomainError("missing", `version ${content.version} of secret ${uuid} has no such key`);
  }
  const values = valuesOf(await keyring.open(content.dataSealed), key);
  return { data: { values }, version: BigInt(content.version) };
}
