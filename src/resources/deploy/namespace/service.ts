import type { ConnectRouter } from "@connectrpc/connect";
import { NamespaceService } from "../../../../gen/ts/deploy/v1/namespace_pb.js";
import type { Platform } from "../../../platform.js";
import { createNamespace, deleteNamespace, updateNamespace } from "./change.js";
import { namespaceMessage } from "./messages.js";
import { found } from "./rules.js";
import { namespaceStore } from "./store.js";

/** deploy.v1.NamespaceService: the namespaces of targets in which deployments run. */
export function registerNamespace(router: ConnectRouter, platform: Platform): void {
  const { db } = platform;
  router.service(NamespaceService, {
    create: async (request) => ({ namespace: namespaceMessage(await createNamespace(platform, request)) }),
    async get({ project, uuid: id }) {
      return { namespace: namespaceMessage(found(await namespaceStore.get(db, { project, id }), id)) };
    },
    async list({ project, target }) {
      return { namespaces: (await namespaceStore.list(db, project, target)).map(namespaceMessage) };
    },
    update: async (request) => ({ namespace: namespaceMessage(await updateNamespace(platform, request)) }),
    async delete({ project, uuid: id }) {
      return { namespace: namespaceMessage(await deleteNamespace(platform, { project, id })) };
    },
  });
}
