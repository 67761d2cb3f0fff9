import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import {
  type ReleaseSchema,
  ReleaseService,
  type ReleaseServiceListRequest,
  type ReleaseServiceListResponseSchema,
} from "../../../../gen/ts/deploy/v1/release_pb.js";
import type { TaskOptions } from "../../../../gen/ts/deploy/v1/task_pb.js";
import type { Platform } from "../../../platform.js";
import type { Accepted } from "../deployment/accept.js";
import { callOf } from "../deployment/call.js";
import { found as foundDeployment } from "../deployment/rules.js";
import { type DeploymentRow, deploymentStore } from "../deployment/store.js";
import { changeAnswer } from "../deployment/views.js";
import { cutAt, numberPart, pageTokenParts, uuidPart } from "../keyset.js";
import { createRelease, deleteRelease, redeploy, rollback, updateRelease } from "./change.js";
import { contentOf } from "./content.js";
import { releaseMessage } from "./messages.js";
import { found, keyOf } from "./rules.js";
import { type ReleaseRow, type ReleaseView, releaseStore } from "./store.js";

/** deploy.v1.ReleaseService: what deployments ran, run and shall run. */
export function registerRelease(router: ConnectRouter, platform: Platform): void {
  const { db } = platform;
  router.service(ReleaseService, {
    async create(request, context) {
      return await answer(platform, request, await createRelease(platform, request, callOf(context)));
    },
    async rollback(request, context) {
      return await answer(platform, request, await rollback(platform, request, callOf(context)));
    },
    async redeploy(request, context) {
      return await answer(platform, request, await redeploy(platform, request, callOf(context)));
    },
    async get(request) {
      const key = keyOf(request);
      const deployment = foundDeployment(await deploymentStore.get(db, key), key.id);
      const row = found(await releaseStore.get(db, deployment.id, request.number), request.number);
      return { release: await shownRelease(platform, deployment, row) };
    },
    list: async (request) => await listReleases(platform, request),
    update: async (request) => ({ release: await shownRelease(platform, ...(await updateRelease(platform, request))) }),
    async delete(request) {
      const [deployment, row] = await deleteRelease(platform, request);
      return { release: await shownRelease(platform, deployment, row) };
    },
  });
}

/** The release and the task of a change that was accepted. */
async function answer(
  platform: Platform,
  { options }: { readonly options?: TaskOptions | undefined },
  accepted: Accepted,
) {
  const { release, task } = await changeAnswer(platform, accepted, { isTrial: options?.validateOnly === true });
  return { ...(release === undefined ? {} : { release }), ...(task === undefined ? {} : { task }) };
}

/** A release with its configuration; one that waits as it would be now, as far as anybody can tell. */
async function shownRelease(
  platform: Platform,
  deployment: DeploymentRow,
  row: ReleaseRow,
): Promise<MessageInitShape<typeof ReleaseSchema>> {
  const tasks = await releaseStore.tasksOf(platform.db, [row]);
  const content = await contentOf(platform, deployment, row);
  return releaseMessage(row, { project: deployment.project, task: taskOf(tasks, row), content });
}

async function listReleases(
  platform: Platform,
  request: ReleaseServiceListRequest,
): Promise<MessageInitShape<typeof ReleaseServiceListResponseSchema>> {
  const { db } = platform;
  const key = keyOf(request);
  const size = request.pageSize === 0 ? 100 : request.pageSize;
  const [before] = pageTokenParts(request.pageToken, 1) ?? [];
  if (key.id === "") {
    const rows = await releaseStore.inScope(db, key, uuidPart(before), size);
    return await page(platform, key.project, rows, size, ({ id }) => id);
  }
  const { id } = foundDeployment(await deploymentStore.get(db, key), key.id);
  const rows = await releaseStore.ofDeployment(db, id, numberPart(before), size);
  return await page(platform, key.project, rows, size, ({ number }) => number);
}

async function page(
  { db }: Platform,
  project: string,
  read: readonly ReleaseView[],
  size: number,
  lastOf: (row: ReleaseView) => string | number,
) {
  const { rows, nextPageToken } = cutAt(read, size, (row) => [lastOf(row)]);
  const tasks = await releaseStore.tasksOf(db, rows);
  const releases = rows.map((row) =>
    releaseMessage(row, { project, task: taskOf(tasks, row), content: row.content ?? undefined }),
  );
  return { releases, nextPageToken };
}

const taskOf = (tasks: ReadonlyMap<string, string>, { deployment, number }: ReleaseView): string =>
  tasks.get(`${deployment}/${number}`) ?? "";
