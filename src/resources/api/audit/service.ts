import type { ConnectRouter } from "@connectrpc/connect";
import { AuditService } from "../../../../gen/ts/api/v1/audit_pb.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { phaseOf, traceMessage } from "./messages.js";
import { selectionOf } from "./rules.js";
import { limitSearches } from "./searches.js";
import { type AuditRow, auditStore } from "./store.js";

/** api.v1.AuditService: the audit log of one tenant, for its owners. */
export function registerAudit(router: ConnectRouter, { db, clock }: Platform): void {
  const search = limitSearches();
  router.service(AuditService, {
    async get({ login: tenant, uuid: id, phase }) {
      return { trace: traceMessage(found(await auditStore.get(db, { tenant, id, phase: phaseOf(phase) }), id)) };
    },
    async list(request) {
      const selection = { ...selectionOf(request, clock()), tenant: request.login };
      const rows = await search(() => auditStore.find(db, selection));
      return { traces: rows.map(traceMessage) };
    },
  });
}

/** The record, or DomainError "missing". */
export function found(row: AuditRow | undefined, id: string): AuditRow {
  if (row === undefined) throw new DomainError("missing", `audit record ${id} does not exist`);
  return row;
}
