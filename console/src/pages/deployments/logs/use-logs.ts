import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Timestamp, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { useRef, useState } from "react";
import {
  type LogLine,
  RuntimeService,
  RuntimeServiceStreamLogsRequestSchema,
} from "../../../../../gen/ts/deploy/v1/runtime_pb.js";
import { slipway } from "../../../app/api.js";
import { useWatch } from "../../../kit/use-watch.js";
import { createLogBuffer, type LogBuffer, nanosOf, type ShownLine } from "./log-buffer.js";

const client = slipway.client(RuntimeService);
/** Logs of several instances do not come in step: a connection that comes back begins so much earlier. */
const overlapSeconds = 5n;

/** Which lines are wanted. */
export interface LogChoice {
  readonly project: string;
  readonly deployment: string;
  readonly processes: readonly string[];
  readonly instances: readonly string[];
  readonly follow: boolean;
  readonly previous: boolean;
  readonly tail: number;
  /** Only lines of the last so many seconds; 0 for all. */
  readonly sinceSeconds: number;
}

/** What one connection has brought. */
interface Piece {
  readonly connection: number;
  readonly lines: readonly LogLine[];
}

/** What is kept of the logs of one choice. */
interface Reading {
  readonly key: string;
  readonly buffer: LogBuffer;
  connections: number;
  newest: Timestamp | undefined;
}

/** The logs of a deployment as they come; after a lost connection they go on without a gap, and without doubles. */
export function useLogs(choice: LogChoice) {
  const key = JSON.stringify(choice);
  const reading = useRef<Reading>(undefined);
  const [shown, setShown] = useState<{ readonly key: string; readonly lines: readonly ShownLine[] }>({
    key,
    lines: [],
  });
  const current = (): Reading => {
    if (reading.current?.key !== key)
      reading.current = { key, buffer: createLogBuffer(), connections: 0, newest: undefined };
    return reading.current;
  };
  const watch = useWatch<Piece>(
    key,
    (_token, signal) => pieces(current(), choice, signal),
    (answers) => {
      const { buffer } = current();
      for (const { connection, lines } of answers) buffer.add(connection, lines);
      setShown({ key, lines: buffer.lines() });
    },
  );
  const clear = () => {
    current().buffer.clear();
    setShown({ key, lines: [] });
  };
  return { lines: shown.key === key ? shown.lines : [], watch, clear };
}

/** One connection; all but the first go on where the one before was. */
async function* pieces(reading: Reading, choice: LogChoice, signal: AbortSignal): AsyncGenerator<Piece> {
  const connection = ++reading.connections;
  for await (const { lines } of client.streamLogs(requestOf(choice, reading.newest), { signal })) {
    for (const { time } of lines) if (nanosOf(time) > nanosOf(reading.newest)) reading.newest = time;
    yield { connection, lines };
  }
}

function requestOf(choice: LogChoice, newest: Timestamp | undefined) {
  const { sinceSeconds, tail, processes, instances, ...rest } = choice;
  const request: MessageInitShape<typeof RuntimeServiceStreamLogsRequestSchema> = {
    ...rest,
    processes: [...processes],
    instances: [...instances],
    tail,
    ...(sinceSeconds === 0 ? {} : { since: timestampFromMs(Date.now() - sinceSeconds * 1_000) }),
  };
  return create(
    RuntimeServiceStreamLogsRequestSchema,
    newest === undefined
      ? request
      : { ...request, tail: -1, since: { seconds: newest.seconds - overlapSeconds, nanos: newest.nanos } },
  );
}
