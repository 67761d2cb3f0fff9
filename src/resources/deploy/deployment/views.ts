import type { MessageInitShape } from "@bufbuild/protobuf";
import type { DeploymentSchema } from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import type { ReleaseSchema } from "../../../../gen/ts/deploy/v1/release_pb.js";
import type { TaskSchema } from "../../../../gen/ts/deploy/v1/task_pb.js";
import type { Database } from "../../../db/database.js";
import type { Platform } from "../../../platform.js";
import { releaseMessage } from "../release/messages.js";
import { wholeRelease } from "../release/settle.js";
import { releaseStore } from "../release/store.js";
import type { ProcessContent, SourceContent } from "../spec/content.js";
import { usualProcesses } from "../spec/merge.js";
import { openChange } from "../spec/seal.js";
import { taskMessage } from "../task/messages.js";
import type { Accepted } from "./accept.js";
import { deploymentMessage } from "./messages.js";
import { nextTasks } from "./next-tasks.js";
import type { DeploymentRow } from "./store.js";

/** What a deployment runs, or shall run first. */
export interface Shown {
  readonly source: SourceContent | undefined;
  readonly processes: readonly ProcessContent[];
}

type Sealing = Pick<Platform, "keyring">;

/** What deployments run, by id: their active release, or else what the first one that is left shall. */
export async function shownOf(
  { keyring }: Sealing,
  db: Database,
  rows: readonly Pick<DeploymentRow, "id">[],
): Promise<ReadonlyMap<string, Shown>> {
  const shown = new Map<string, Shown>();
  const ids = rows.map(({ id }) => id);
  for (const [id, { content }] of await releaseStore.activeOf(db, ids)) if (content !== null) shown.set(id, content);
  const others = ids.filter((id) => !shown.has(id));
  if (others.length === 0) return shown;
  for (const [id, row] of await releaseStore.firstOf(db, others)) {
    if (row.content !== null) shown.set(id, row.content);
    else {
      const { source, processes = source?.type === "image" ? usualProcesses : [] } = await openChange(
        keyring,
        row.changeSealed,
      );
      shown.set(id, { source, processes });
    }
  }
  return shown;
}

/** Deployments as the API shows them, in the same order. */
export async function deploymentMessages(
  platform: Sealing,
  db: Database,
  rows: readonly DeploymentRow[],
): Promise<MessageInitShape<typeof DeploymentSchema>[]> {
  if (rows.length === 0) return [];
  const shown = await shownOf(platform, db, rows);
  const tasks = await nextTasks(
    db,
    rows.map(({ id }) => id),
  );
  return rows.map((row) => {
    const { source, processes } = shown.get(row.id) ?? { source: undefined, processes: [] };
    return deploymentMessage(row, { source, processes, task: tasks.get(row.id) ?? "" });
  });
}

/** The answer to a change: what of it there is. What was only tried has no uuids. */
export interface ChangeAnswer {
  readonly deployment: MessageInitShape<typeof DeploymentSchema>;
  readonly release?: MessageInitShape<typeof ReleaseSchema>;
  readonly task?: MessageInitShape<typeof TaskSchema>;
}

/** A change that was accepted, as the API shows it. */
export async function changeAnswer(
  platform: Platform,
  { deployment: row, release, task, isNew = false }: Accepted,
  { isTrial }: { readonly isTrial: boolean },
): Promise<ChangeAnswer> {
  const taskId = isTrial ? "" : (task?.id ?? "");
  const unnamed = isTrial ? { uuid: "" } : {};
  const content = release?.whole ?? (release?.row.content ? await wholeRelease(platform, release.row) : undefined);
  const surroundings = { project: row.project, task: taskId, content };
  return {
    deployment: isTrial ? await triedMessage(platform, row, content, isNew) : await oneMessage(platform, row),
    ...(release === undefined ? {} : { release: { ...releaseMessage(release.row, surroundings), ...unnamed } }),
    ...(task === undefined ? {} : { task: { ...taskMessage(task), ...unnamed } }),
  };
}

async function oneMessage(platform: Platform, row: DeploymentRow): Promise<MessageInitShape<typeof DeploymentSchema>> {
  const [message = {}] = await deploymentMessages(platform, platform.db, [row]);
  return message;
}

/** What was only tried is not in the database. */
async function triedMessage(
  platform: Platform,
  row: DeploymentRow,
  first: Shown | undefined,
  isNew: boolean,
): Promise<MessageInitShape<typeof DeploymentSchema>> {
  if (!isNew) return { ...(await oneMessage(platform, row)), task: "" };
  const { source, processes } = first ?? { source: undefined, processes: [] };
  return { ...deploymentMessage(row, { source, processes, task: "" }), uuid: "" };
}
