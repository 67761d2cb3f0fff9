import type {
  SecretData,
  SecretServiceCreateRequest,
  SecretServiceUpdateRequest,
} from "../../../../gen/ts/deploy/v1/secret_pb.js";
import type { Database } from "../../../db/database.js";
import { DomainError, invalidField } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { memberStore } from "../../api/member/store.js";
import { queueDependents } from "../deployment/dependents.js";
import { deploymentStore } from "../deployment/store.js";
import { labelsOf } from "../environment/labels.js";
import { routeStore } from "../route/store.js";
import { contentOf } from "./content.js";
import { secretTypeOf } from "./messages.js";
import { found, mostSecrets, mostVersions, refuseStale } from "./rules.js";
import { type SealedVersion, type SecretKey, type SecretRow, type SecretView, secretStore } from "./store.js";
import type { CertificateFacts } from "./table.js";

const mostNamed = 5;

/** Makes a secret. */
export async function createSecret(platform: Platform, request: SecretServiceCreateRequest): Promise<SecretView> {
  const { project, environment, collection, name, description } = request;
  const type = secretTypeOf(request.type);
  if (type === undefined) throw invalidField("type", "must say what the secret is");
  const labels = labelsOf("labels", request.labels);
  const { sealed, certificate } = await seal(platform, type, request.data);
  const id = platform.newId();
  const now = platform.clock();
  const facts = { collection, name, description, type, certificate, labels, createdAt: now, updatedAt: now };
  return await platform.db.transaction(async (tx) => {
    await memberStore.lockProject(tx, project);
    if ((await secretStore.count(tx, project)) >= mostSecrets) {
      throw new DomainError("exhausted", `the project has ${mostSecrets} secrets already: delete some`);
    }
    await secretStore.insert(tx, { id, project, environment: environment || null, ...facts }, sealed);
    return found(await secretStore.get(tx, { project, environment, id }), id);
  });
}

/** Changes a secret; content makes the next version. */
export async function updateSecret(platform: Platform, request: SecretServiceUpdateRequest): Promise<SecretView> {
  const { project, environment, uuid, description, data, expectedVersion } = request;
  const key: SecretKey = { project, environment, id: uuid };
  const labels = request.labels && labelsOf("labels.labels", request.labels.labels);
  // A secret keeps its type: its content can be checked, and sealed, before anybody has to wait.
  const { type } = found(await secretStore.get(platform.db, key), uuid);
  const next = data === undefined ? undefined : await seal(platform, type, data);
  const changes = {
    ...(description === undefined ? {} : { description }),
    ...(labels === undefined ? {} : { labels }),
    ...(next === undefined ? {} : { certificate: next.certificate }),
  };
  return await platform.db.transaction(async (tx) => {
    const row = found(await secretStore.lock(tx, key), uuid);
    refuseStale(row, expectedVersion);
    if (next !== undefined && row.version >= mostVersions) {
      throw new DomainError("exhausted", `secret ${row.name} has ${mostVersions} versions already: make a new secret`);
    }
    if (Object.keys(changes).length > 0) {
      await secretStore.update(tx, row, changes, { sealed: next?.sealed, now: platform.clock() });
    }
    if (next !== undefined) await queueDependents(tx, row.id);
    return found(await secretStore.get(tx, key), uuid);
  });
}

/** Deletes a secret with all of its versions; answers it as it was. */
export async function deleteSecret({ db }: Platform, key: SecretKey): Promise<SecretView> {
  return await db.transaction(async (tx) => {
    found(await secretStore.lockToDelete(tx, key), key.id);
    const row = found(await secretStore.get(tx, key), key.id);
    await refuseInUse(tx, row);
    await secretStore.delete(tx, key);
    return row;
  });
}

async function refuseInUse(tx: Database, { id, project, name }: SecretRow): Promise<void> {
  const { named, count } = await deploymentStore.usingSecret(tx, id, mostNamed);
  const hostnames = (await routeStore.ofSecret(tx, project, id)).map(({ hostname }) => `route ${hostname}`);
  const all = [...named.map((deployment) => `releases of deployment ${deployment}`), ...hostnames];
  if (all.length === 0) return;
  const hidden = count - named.length + hostnames.length - hostnames.slice(0, mostNamed).length;
  const shown = [...all.slice(0, named.length + mostNamed), ...(hidden > 0 ? [`${hidden} more`] : [])];
  throw new DomainError("precondition", `secret ${name} is in use: delete or change ${shown.join(", ")} first`);
}

async function seal(
  { keyring, newId }: Platform,
  type: SecretRow["type"],
  data: SecretData | undefined,
): Promise<{ readonly sealed: SealedVersion; readonly certificate: CertificateFacts | null }> {
  if (data === undefined) throw invalidField("data", "is required");
  const { keys, plain, certificate } = contentOf(type, data);
  return { sealed: { id: newId(), keys, dataSealed: await keyring.seal(plain) }, certificate };
}
