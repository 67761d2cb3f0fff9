import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import type { OpenStream } from "../../clients/ts/src/watch.js";
import type { Kind } from "../output.js";
import type { Session } from "../session.js";

/** Reads a stream over lost connections, of which people hear on stderr. */
export async function* live<Res>(session: Session, open: OpenStream<Res>, signal?: AbortSignal): AsyncIterable<Res> {
  const { watch } = await import("../../clients/ts/src/watch.js");
  yield* watch(open, {
    signal,
    onState: (state, problem) => {
      if (state === "waiting") session.note(`connection lost (${problem?.message ?? ""}); trying again`);
    },
    onRestart: () => session.note("changes of the meantime are lost; going on with the present state"),
  });
}

/** Prints what a stream brings until it ends or Ctrl-C is pressed. */
export async function printLive<D extends DescMessage, Res>(
  session: Session,
  kind: Kind<D>,
  open: OpenStream<Res>,
  items: (answer: Res) => readonly MessageShape<D>[],
): Promise<void> {
  const print = session.out.stream(kind);
  for await (const answer of live(session, open)) {
    for (const item of items(answer)) await print(item);
  }
}
