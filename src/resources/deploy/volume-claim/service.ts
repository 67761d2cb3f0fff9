import type { ConnectRouter } from "@connectrpc/connect";
import { VolumeClaimService } from "../../../../gen/ts/deploy/v1/volume_claim_pb.js";
import type { Platform } from "../../../platform.js";
import { createVolumeClaim, deleteVolumeClaim, updateVolumeClaim } from "./change.js";
import { volumeClaimMessage } from "./messages.js";
import { found } from "./rules.js";
import { type VolumeClaimRow, volumeClaimStore } from "./store.js";

/** deploy.v1.VolumeClaimService: storage that processes mount, and that outlives deployments. */
export function registerVolumeClaim(router: ConnectRouter, platform: Platform): void {
  const { db } = platform;
  const shown = async (rows: readonly VolumeClaimRow[]) => {
    const users = await volumeClaimStore.users(
      db,
      rows.map(({ id }) => id),
    );
    return rows.map((row) => volumeClaimMessage(row, users.get(row.id)));
  };
  const shownOne = async (row: VolumeClaimRow) => {
    const [volumeClaim = volumeClaimMessage(row)] = await shown([row]);
    return { volumeClaim };
  };
  router.service(VolumeClaimService, {
    create: async (request) => await shownOne(await createVolumeClaim(platform, request)),
    async get({ project, environment, uuid: id }) {
      return await shownOne(found(await volumeClaimStore.get(db, { project, environment, id }), id));
    },
    async list({ project, environment, namespace }) {
      return { volumeClaims: await shown(await volumeClaimStore.list(db, { project, environment }, namespace)) };
    },
    update: async (request) => await shownOne(await updateVolumeClaim(platform, request)),
    async delete({ project, environment, uuid: id }) {
      return await shownOne(await deleteVolumeClaim(platform, { project, environment, id }));
    },
  });
}
