import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { ReleaseCause, type ReleaseSchema, ReleaseStatus } from "../../../../gen/ts/deploy/v1/release_pb.js";
import type { WholeRelease } from "../spec/content.js";
import { configurationMessage, placementMessage, processMessages, sourceMessage } from "../spec/messages.js";
import type { ReleaseView } from "./store.js";

const causes = {
  created: ReleaseCause.CREATED,
  updated: ReleaseCause.UPDATED,
  config: ReleaseCause.CONFIG,
  build: ReleaseCause.BUILD,
  rollback: ReleaseCause.ROLLBACK,
  dependency: ReleaseCause.DEPENDENCY,
  restore: ReleaseCause.RESTORE,
  move: ReleaseCause.MOVE,
} as const satisfies Record<ReleaseView["cause"], ReleaseCause>;

const statuses = {
  pending: ReleaseStatus.PENDING,
  active: ReleaseStatus.ACTIVE,
  superseded: ReleaseStatus.SUPERSEDED,
  failed: ReleaseStatus.FAILED,
} as const satisfies Record<ReleaseView["status"], ReleaseStatus>;

/** What is shown of a release besides its row. */
export interface ReleaseSurroundings {
  readonly project: string;
  /** Uuid of the task that makes it run; empty for none any more. */
  readonly task: string;
  /** What it is, or would be now; undefined where nobody can tell. Without `config` its configuration is left out. */
  readonly content: (Omit<WholeRelease, "config"> & Partial<Pick<WholeRelease, "config">>) | undefined;
}

/** A release as the API shows it: sensitive values never. */
export function releaseMessage(
  row: ReleaseView,
  { project, task, content }: ReleaseSurroundings,
): MessageInitShape<typeof ReleaseSchema> {
  return {
    uuid: row.id,
    project,
    deployment: row.deployment,
    number: row.number,
    cause: causes[row.cause],
    rollbackOf: row.rollbackOf ?? 0,
    status: statuses[row.status],
    message: row.message,
    summary: row.summary,
    ...(content === undefined ? {} : contentFields(content)),
    rollbackDisabled: row.rollbackDisabled,
    rollbackDisabledReason: row.rollbackDisabledReason,
    task,
    createdBy: row.createdBy,
    createdAt: timestampFromDate(row.createdAt),
    ...(row.activatedAt === null ? {} : { activatedAt: timestampFromDate(row.activatedAt) }),
  };
}

function contentFields({ source, processes, placement, config }: NonNullable<ReleaseSurroundings["content"]>) {
  return {
    source: sourceMessage(source),
    processes: processMessages(processes),
    placement: placementMessage(placement),
    ...(config === undefined ? {} : { configuration: configurationMessage(config, { values: true }) }),
  };
}
