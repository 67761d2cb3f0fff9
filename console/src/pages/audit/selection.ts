import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { AuditPhase, type AuditServiceListRequestSchema } from "../../../../gen/ts/api/v1/audit_pb.js";

/** What is looked for in the log; texts as they are in the inputs. */
export interface Selection {
  /** Hours back, or "custom" with `from` and `to`. */
  readonly range: string;
  readonly from: string;
  readonly to: string;
  readonly user: string;
  readonly method: string;
  readonly code: string;
  readonly phase: string;
}

/** The last 8 hours of everybody. */
export const everything: Selection = { range: "8", from: "", to: "", user: "", method: "", code: "", phase: "" };

/** The ranges that can be chosen. */
export const ranges = [
  { value: "1", label: "Last hour" },
  { value: "8", label: "Last 8 hours" },
  { value: "24", label: "Last 24 hours" },
  { value: "168", label: "Last 7 days" },
  { value: "720", label: "Last 30 days" },
  { value: "custom", label: "From and to" },
];

/** The ends of calls that can be chosen. */
export const phases = [
  { value: String(AuditPhase.REQUEST), label: "Request" },
  { value: String(AuditPhase.RESPONSE), label: "Response" },
];

/** Most records in an answer. */
export const pageSize = 200;

/** The request for what is selected, at a moment; its fields that are not set narrow nothing. */
export function requestOf(login: string, selection: Selection, now: Date) {
  const { range, from, to, user, method, code, phase } = selection;
  const isCustom = range === "custom";
  const start = isCustom ? dateOf(from) : new Date(now.getTime() - Number(range) * 3_600_000);
  const end = isCustom ? dateOf(to) : undefined;
  const request: MessageInitShape<typeof AuditServiceListRequestSchema> = {
    login,
    limit: pageSize,
    ...(start === undefined ? {} : { from: timestampFromDate(start) }),
    ...(end === undefined ? {} : { to: timestampFromDate(end) }),
    ...(user.trim() === "" ? {} : { user: user.trim() }),
    ...(method === "" ? {} : { method }),
    ...(code === "" ? {} : { resultCode: Number(code) }),
    ...(phase === "" ? {} : { phase: Number(phase) as AuditPhase }),
  };
  return request;
}

function dateOf(local: string): Date | undefined {
  const date = new Date(local);
  return local === "" || Number.isNaN(date.getTime()) ? undefined : date;
}
