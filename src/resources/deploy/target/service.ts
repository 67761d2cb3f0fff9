import type { ConnectRouter } from "@connectrpc/connect";
import { TargetService } from "../../../../gen/ts/deploy/v1/target_pb.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { labelsOf } from "../environment/labels.js";
import { createTarget, deleteTarget, updateTarget } from "./change.js";
import { joinConfig } from "./join.js";
import { nodeMessage, targetMessage } from "./messages.js";
import { found } from "./rules.js";
import { targetStore } from "./store.js";

/** deploy.v1.TargetService: the clusters on which deployments run. */
export function registerTarget(router: ConnectRouter, platform: Platform): void {
  const { db } = platform;
  router.service(TargetService, {
    create: async (request) => ({ target: targetMessage(await createTarget(platform, request)) }),
    async get({ project, uuid: id }) {
      return { target: targetMessage(found(await targetStore.get(db, { project, id }), id)) };
    },
    async list({ project, login, labels, cluster }) {
      const filter = { labels: labelsOf("labels", labels), cluster };
      const rows =
        project === "" ? await targetStore.ofTenant(db, login, filter) : await targetStore.list(db, project, filter);
      return { targets: rows.map(targetMessage) };
    },
    update: async (request) => ({ target: targetMessage(await updateTarget(platform, request)) }),
    async delete({ project, uuid: id }) {
      return { target: targetMessage(await deleteTarget(platform, { project, id })) };
    },
    async listNodes({ project, uuid: id }) {
      const { name, nodes } = found(await targetStore.nodes(db, { project, id }), id);
      if (nodes === null) throw new DomainError("precondition", `target ${name} was never reached: see its connection`);
      return { nodes: nodes.map(nodeMessage) };
    },
    getJoinConfig: ({ namespace = "slipway-system" }) => joinConfig(namespace),
  });
}
