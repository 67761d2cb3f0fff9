import type { ConnectRouter } from "@connectrpc/connect";
import { ProjectService } from "../../../../gen/ts/admin/v1/project_pb.js";
import type { Platform } from "../../../platform.js";
import { cutPage, pageOf } from "../paging.js";
import { projectMessage } from "./messages.js";
import { projectStore } from "./store.js";

/** admin.v1.ProjectService: the projects of all tenants, for operators. */
export function registerAdminProject(router: ConnectRouter, { db }: Platform): void {
  router.service(ProjectService, {
    async list({ paging, tenantId, annotations }) {
      const page = pageOf(paging);
      // Projects carry no annotations: none has those that are asked for.
      const carriesAll = Object.keys(annotations).length === 0;
      const found = carriesAll ? await projectStore.find(db, { tenant: tenantId }, page) : [];
      const { rows, next } = cutPage(page, found);
      return { projects: rows.map(projectMessage), ...next };
    },
  });
}
