import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";

const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** Date and time in the reader's zone with seconds: in a log, what came first matters. */
export function ToTheSecond({ at }: { at: Timestamp | undefined }) {
  if (at === undefined) return <span>–</span>;
  const date = timestampDate(at);
  return (
    <time dateTime={date.toISOString()} title={date.toISOString()}>
      {format.format(date)}
    </time>
  );
}
