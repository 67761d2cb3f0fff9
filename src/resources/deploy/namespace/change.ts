import type {
  NamespaceServiceCreateRequest,
  NamespaceServiceUpdateRequest,
} from "../../../../gen/ts/deploy/v1/namespace_pb.js";
import type { Database } from "../../../db/database.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { memberStore } from "../../api/member/store.js";
import { targetStore } from "../target/store.js";
import { namespaceQueue } from "./queue.js";
import { found, mostNamespaces, namespaceLabels, refuseKeptName, refuseTerminating } from "./rules.js";
import { type NamespaceChanges, type NamespaceKey, type NamespaceRow, namespaceStore } from "./store.js";

const mostNamed = 5;

/** Registers a namespace; a job makes it on the target. */
export async function createNamespace(
  { db, clock, newId }: Platform,
  request: NamespaceServiceCreateRequest,
): Promise<NamespaceRow> {
  const { project, target, name, adopt } = request;
  refuseKeptName(name);
  const labels = namespaceLabels("labels", request.labels);
  const now = clock();
  return await db.transaction(async (tx) => {
    await memberStore.lockProject(tx, project);
    const held = await targetStore.hold(tx, { project, id: target });
    if (held === undefined) throw new DomainError("missing", `target ${target} does not exist`);
    if ((await namespaceStore.count(tx, held.id)) >= mostNamespaces) {
      throw new DomainError("exhausted", `the target has ${mostNamespaces} namespaces already: delete some`);
    }
    const message = "it is being made";
    const stamps = { createdAt: now, updatedAt: now };
    const row = { id: newId(), project, target: held.id, name, adopt, labels, message, ...stamps };
    const added = await namespaceStore.insert(tx, row);
    await namespaceQueue.settle(tx, added.id);
    return added;
  });
}

/** Changes a namespace. */
export async function updateNamespace(
  { db, clock }: Platform,
  request: NamespaceServiceUpdateRequest,
): Promise<NamespaceRow> {
  const { project, uuid: id, adopt } = request;
  const labels = request.labels === undefined ? undefined : namespaceLabels("labels.labels", request.labels.labels);
  return await db.transaction(async (tx) => {
    const row = found(await namespaceStore.lock(tx, { project, id }), id);
    refuseTerminating(row);
    const isAdopted = adopt && !row.adopt;
    if (!isAdopted && labels === undefined) return row;
    const again =
      isAdopted && row.state === "refused" ? ({ state: "pending", message: "it is being adopted" } as const) : {};
    const changes: NamespaceChanges = {
      ...(isAdopted ? { adopt } : {}),
      ...(labels === undefined ? {} : { labels }),
      ...again,
    };
    const changed = found(await namespaceStore.want(tx, row, changes, clock()), id);
    await namespaceQueue.settle(tx, row.id);
    return changed;
  });
}

/** Wants a namespace gone; a job sees to it. */
export async function deleteNamespace({ db, clock }: Platform, key: NamespaceKey): Promise<NamespaceRow> {
  return await db.transaction(async (tx) => {
    const row = found(await namespaceStore.lock(tx, key), key.id);
    if (row.deleteRequestedAt !== null) return row;
    await refuseInUse(tx, row);
    const going = found(await namespaceStore.requestDelete(tx, row, clock()), key.id);
    await namespaceQueue.settle(tx, row.id);
    return going;
  });
}

async function refuseInUse(tx: Database, row: NamespaceRow): Promise<void> {
  const { named, count } = await namespaceStore.contents(tx, row, mostNamed);
  if (count === 0) return;
  const names = count > named.length ? [...named, `${count - named.length} more`] : named;
  throw new DomainError("precondition", `namespace ${row.name} is not empty: delete ${names.join(", ")} first`);
}
