import { SocketAddress } from "node:net";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { AuditServiceListRequest as AdminListRequest } from "../../../../gen/ts/admin/v1/audit_pb.js";
import type { AuditServiceListRequest } from "../../../../gen/ts/api/v1/audit_pb.js";
import { invalidField } from "../../../errors.js";
import { phaseOf } from "./messages.js";
import type { AuditFilter } from "./store.js";

const defaultSpanMs = 8 * 3_600_000;
const defaultLimit = 200;

/**
 * What a request for a list selects: the last 8 hours and 200 records unless
 * it says otherwise. Throws DomainError "invalid" when its times are the wrong way round.
 */
export function selectionOf(request: AuditServiceListRequest | AdminListRequest, now: Date): AuditFilter {
  const { uuid: id, user, project, method, sourceIp, resultCode: code, body } = request;
  const from = timeOf("from", request.from) ?? new Date(now.getTime() - defaultSpanMs);
  const to = timeOf("to", request.to) ?? now;
  if (from > to) {
    const given = request.from === undefined ? "from, which is 8 hours ago unless given," : "from";
    throw invalidField("from", `${given} must not be after to`);
  }
  return {
    ...{ from, to, limit: request.limit ?? defaultLimit },
    ...{ id, user, project, method, code, body },
    sourceIp: sourceIp === undefined ? undefined : usualForm(sourceIp),
    phase: phaseOf(request.phase),
  };
}

/** Records have whole milliseconds: to the nearest one below, which changes no answer for `to`. */
function timeOf(field: string, time: Timestamp | undefined): Date | undefined {
  if (time === undefined) return undefined;
  const { seconds, nanos } = time;
  const isValid = seconds >= earliest && seconds <= latest && nanos >= 0 && nanos < 1_000_000_000;
  if (!isValid) throw invalidField(field, "must be a time of the years 1 to 9999");
  const ms = nanos / 1_000_000;
  return new Date(Number(seconds) * 1_000 + (field === "from" ? Math.ceil(ms) : Math.floor(ms)));
}

// What a Timestamp may hold.
const earliest = BigInt(Date.parse("0001-01-01T00:00:00Z") / 1_000);
const latest = BigInt(Date.parse("9999-12-31T23:59:59Z") / 1_000);

/** An IPv6 address in the spelling that sockets have. */
function usualForm(address: string): string {
  return address.includes(":") ? new SocketAddress({ address, family: "ipv6" }).address : address;
}
