import type { Logger } from "pino";
import type { ChangeFeed } from "../../changes/feed.js";
import { retried } from "../../changes/load.js";
import { withoutValues } from "../../db/errors.js";

export interface KeepLoadedOptions<S> {
  readonly feed: ChangeFeed;
  readonly topic: string;
  /** Reads everything anew. */
  readonly load: () => Promise<S>;
  readonly onLoad: (state: S) => void;
  readonly log: Logger;
}

const retryMs = 1_000;

/**
 * Reads something now and after each change of a topic, one read at a time. A
 * read that fails is made again when the change feed stands.
 */
export function keepLoaded<S>({ feed, topic, load, onLoad, log }: KeepLoadedOptions<S>): void {
  let isDue = true;
  let isLoading = false;

  function later(): void {
    // The process may end meanwhile.
    setTimeout(() => void (feed.status().connected ? run() : later()), retryMs).unref();
  }

  async function run(): Promise<void> {
    if (isLoading) return;
    isLoading = true;
    try {
      while (isDue) {
        isDue = false;
        onLoad(await retried(load));
      }
    } catch (error) {
      isDue = true;
      // While the feed is down, that has been said; and a process that ends closes its feed before its database.
      if (feed.status().connected) {
        log.warn({ err: withoutValues(error), topic }, "what everybody sees could not be read; trying again");
      }
      later();
    } finally {
      isLoading = false;
    }
  }

  feed.subscribe(topic, () => {
    isDue = true;
    void run();
  });
  void run();
}
