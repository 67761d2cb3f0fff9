import type { IncomingMessage } from "node:http";
import { KubeError } from "./errors.js";
import type { KubeObject } from "./objects.js";

/** What a watch reports. BOOKMARK objects carry only a resourceVersion, ERROR objects are a Status. */
export type WatchEvent<T extends KubeObject> =
  | { readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK"; readonly object: T }
  | { readonly type: "ERROR"; readonly object: unknown };

const maxLineLength = 16 * 1024 * 1024;
const types: ReadonlySet<unknown> = new Set(["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"]);

/**
 * Reads the events of a watch answer until it ends; throws a KubeError when it breaks or is not JSON. `onRead` is told
 * how much was read at a time, and waited for before more is.
 */
export async function* readEvents<T extends KubeObject>(
  response: IncomingMessage,
  onRead: (length: number) => Promise<void>,
): AsyncGenerator<WatchEvent<T>> {
  response.setEncoding("utf8");
  let rest = "";
  try {
    for await (const chunk of response as AsyncIterable<string>) {
      rest += chunk;
      let from = 0;
      for (let at = rest.indexOf("\n"); at !== -1; at = rest.indexOf("\n", from)) {
        const line = rest.slice(from, at);
        from = at + 1;
        if (line.trim() !== "") yield parseEvent<T>(line);
      }
      rest = rest.slice(from);
      if (rest.length > maxLineLength) throw new KubeError("malformed", "an event of the watch has no end");
      await onRead(chunk.length);
    }
  } catch (error) {
    if (error instanceof KubeError) throw error;
    throw new KubeError("unreachable", "the watch broke", { cause: error });
  }
}

function parseEvent<T extends KubeObject>(line: string): WatchEvent<T> {
  let event: { type?: unknown; object?: Partial<KubeObject> | null };
  try {
    event = JSON.parse(line);
  } catch {
    throw new KubeError("malformed", "an event of the watch is not JSON");
  }
  const whole = typeof event === "object" && event !== null && types.has(event.type);
  if (!whole || (event.type !== "ERROR" && typeof event.object?.metadata !== "object")) {
    throw new KubeError("malformed", "an event of the watch has no known type or no object");
  }
  return event as WatchEvent<T>;
}
