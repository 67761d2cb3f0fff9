import { pino } from "pino";
import { afterEach, describe, expect, test } from "vitest";
import { openKube } from "../../src/kube/client.js";
import { openPace } from "../../src/kube/pace.js";
import { openStub, sendJson } from "./stub-server.js";

const configMaps = { group: "", version: "v1", plural: "configmaps", kind: "ConfigMap" };
const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A client of a server that answers lists of about 100 kB, and watches without an end. */
async function flooded(bytesPerSecond: number, burstBytes: number) {
  const object = { metadata: { name: "a", resourceVersion: "1" }, data: { text: "x".repeat(10_000) } };
  const stub = await openStub(({ query }, response) => {
    if (query.get("watch") !== "true") {
      const items = Array.from({ length: 10 }, () => object);
      return sendJson(response, 200, { items, metadata: { resourceVersion: "1" } });
    }
    response.writeHead(200, { "content-type": "application/json" });
    const line = `${JSON.stringify({ type: "MODIFIED", object })}\n`;
    const more = (): void => {
      while (!response.destroyed && response.write(line));
      response.once("drain", more);
    };
    more();
  });
  const pace = openPace({ bytesPerSecond, burstBytes });
  const client = openKube({ kubeconfig: stub.kubeconfig, log: pino({ level: "silent" }), pace });
  closers.push(() => client.close(), stub.close);
  return client;
}

describe("the pace of a client", () => {
  test("holds for an API server that tells more and more, and does not end", async () => {
    const client = await flooded(200_000, 100_000);
    const stop = new AbortController();
    const started = performance.now();
    const events = await client.watch(configMaps, { resourceVersion: "1", timeoutSeconds: 60, signal: stop.signal });
    let read = 0;
    for await (const event of events) {
      read += JSON.stringify(event).length;
      if (read > 500_000) break;
    }
    // What is in one piece of an answer is counted once it was taken in.
    const most = 100_000 + 200_000 * ((performance.now() - started) / 1000) + 3 * 65_536;
    expect(read).toBeLessThan(most);
    stop.abort();
  });

  test("is one for lists and watches, and a wait ends with its caller", async () => {
    const client = await flooded(1, 150_000);
    const signal = new AbortController().signal;
    await client.list(configMaps, { signal });
    await client.list(configMaps, { signal });
    // From here on it would take hours.
    const stop = new AbortController();
    const late = client.list(configMaps, { signal: stop.signal });
    const watch = client.watch(configMaps, { resourceVersion: "1", timeoutSeconds: 60, signal: stop.signal });
    stop.abort(new Error("enough"));
    await expect(late).rejects.toThrow("enough");
    await expect(watch).rejects.toThrow("enough");
  });
});
