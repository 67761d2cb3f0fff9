import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { AuditPhase, type AuditTraceSchema } from "../../../../gen/ts/api/v1/audit_pb.js";
import type { AuditRow } from "./store.js";

const phases = { request: AuditPhase.REQUEST, response: AuditPhase.RESPONSE } as const;

/** A record as the API shows it. */
export function traceMessage(row: AuditRow): MessageInitShape<typeof AuditTraceSchema> {
  return {
    uuid: row.id,
    timestamp: timestampFromDate(row.at),
    user: row.user ?? "",
    tenant: row.tenant ?? "",
    method: row.method,
    sourceIp: row.sourceIp,
    phase: phases[row.phase],
    ...(row.project === null ? {} : { project: row.project }),
    ...(row.body === null ? {} : { body: row.body }),
    ...(row.code === null ? {} : { resultCode: row.code }),
  };
}

/** The phase that a request names; undefined where it names none. */
export function phaseOf(phase: AuditPhase | undefined): AuditRow["phase"] | undefined {
  if (phase === AuditPhase.REQUEST) return "request";
  return phase === AuditPhase.RESPONSE ? "response" : undefined;
}
