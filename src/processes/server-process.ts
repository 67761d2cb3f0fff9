import type { Address } from "../config.js";
import type { FromProcess, ToProcess } from "./messages.js";

/** The primary, as a process of the server sees it. */
export interface PrimaryLink {
  /** Resolves when the primary asks this process to end. */
  readonly asked: Promise<"stop">;
  serving(address: Address): void;
  /** Resolves when the primary has the reason. */
  failed(reason: string): Promise<void>;
  /** From now on answers scrapes with the text. */
  answerScrapes(text: () => Promise<string>): void;
}

/** Listens to the primary of this process, which the cluster module has started. */
export function openPrimaryLink(): PrimaryLink {
  let text: (() => Promise<string>) | undefined;
  let stop: (why: "stop") => void = () => {};
  const asked = new Promise<"stop">((resolve) => {
    stop = resolve;
  });
  process.on("message", (message: ToProcess) => {
    if (message.kind === "stop") stop("stop");
    // Without an answer the primary leaves this process out.
    else
      text?.().then(
        (metrics) => tell({ kind: "metrics", scrape: message.scrape, text: metrics }),
        () => {},
      );
  });
  return {
    asked,
    serving: (address) => void tell({ kind: "serving", address }),
    failed: (reason) => tell({ kind: "failed", reason }),
    answerScrapes(next) {
      text = next;
    },
  };
}

/** Resolves when it is sent, or when there is nobody any more who could read it. */
function tell(message: FromProcess): Promise<void> {
  return new Promise((resolve) => {
    if (!process.connected) return resolve();
    process.send?.(message, undefined, undefined, () => resolve());
  });
}
