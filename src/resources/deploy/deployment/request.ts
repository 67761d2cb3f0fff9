import { clearField, clone, type DescMessage, type MessageShape, toJson } from "@bufbuild/protobuf";
import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";
import { invalidField } from "../../../errors.js";
import { isRecord } from "../../../record.js";

const longestAheadMs = 366 * 86_400_000;

/** A request without its options in one way of writing: two texts are the same when the requests ask for the same. */
export function requestText<Schema extends DescMessage>(schema: Schema, request: MessageShape<Schema>): string {
  const copy = clone(schema, request);
  const options = schema.fields.find(({ name }) => name === "options");
  if (options !== undefined) clearField(copy, options);
  return `${schema.typeName} ${JSON.stringify(sorted(toJson(schema, copy)))}`;
}

/** When a change is to be made: now, unless the time is yet to come. Throws "invalid" for more than a year ahead. */
export function executeAtOf(asked: Timestamp | undefined, now: Date): Date {
  if (asked === undefined) return now;
  const time = timestampDate(asked);
  if (Number.isNaN(time.getTime()) || time.getTime() > now.getTime() + longestAheadMs) {
    throw invalidField("options.execute_at", "must be at most a year ahead");
  }
  return time > now ? time : now;
}

/** The same value with the fields of all objects in order: those of maps come as they were sent. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isRecord(value)) return value;
  const entries = Object.entries(value).map(([key, inner]): [string, unknown] => [key, sorted(inner)]);
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
