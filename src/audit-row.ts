import type { AuditRow } from "./resources/api/audit/store.js";
import type { AuditEntry } from "./rpc/audit.js";

/** A record of a call as it is stored. */
export function auditRow(entry: AuditEntry): AuditRow {
  const { user, tenant, project, code, body } = entry;
  return {
    ...entry,
    user: user ?? null,
    tenant: tenant ?? null,
    project: project ?? null,
    code: code ?? null,
    body: body === undefined ? null : JSON.stringify(body),
  };
}
