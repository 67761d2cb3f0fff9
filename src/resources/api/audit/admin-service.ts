import type { ConnectRouter } from "@connectrpc/connect";
import { AuditService } from "../../../../gen/ts/admin/v1/audit_pb.js";
import type { Platform } from "../../../platform.js";
import { phaseOf, traceMessage } from "./messages.js";
import { selectionOf } from "./rules.js";
import { limitSearches } from "./searches.js";
import { found } from "./service.js";
import { auditStore } from "./store.js";

/** admin.v1.AuditService: the audit log of the whole platform, for operators. */
export function registerAdminAudit(router: ConnectRouter, { db, clock }: Platform): void {
  const search = limitSearches();
  router.service(AuditService, {
    async get({ uuid: id, phase }) {
      return { trace: traceMessage(found(await auditStore.get(db, { id, phase: phaseOf(phase) }), id)) };
    },
    async list(request) {
      const selection = selectionOf(request, clock());
      const rows = await search(() => auditStore.find(db, selection));
      return { traces: rows.map(traceMessage) };
    },
  });
}
