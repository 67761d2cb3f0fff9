import type { ServerResponse } from "node:http";
import { pino } from "pino";
import { afterEach, describe, expect, it } from "vitest";
import { openKube } from "../../../../src/kube/client.js";
import { kubeletStorage } from "../../../../src/resources/api/volume/statistics-kubelet.js";
import { openStub, sendJson, sendStatus } from "../../../kube/stub-server.js";

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const attachment = (nodeName: string, attached = true) => ({
  metadata: { name: `csi-${nodeName}` },
  spec: { nodeName, source: { persistentVolumeName: "pv" } },
  status: { attached },
});

/** As a kubelet writes it, with more than is read. */
const summary = (claims: Readonly<Record<string, unknown>>) => ({
  node: { nodeName: "n", startTime: "2026-01-01T00:00:00Z", cpu: { usageNanoCores: 1 }, fs: { usedBytes: 5 } },
  pods: [
    {
      podRef: { name: "web-0", namespace: "shop", uid: "1" },
      containers: [{ name: "main", rootfs: { usedBytes: 12 }, logs: { usedBytes: 13 } }],
      volume: [
        { name: "kube-api-access", capacityBytes: 1, availableBytes: 0, usedBytes: 1, inodes: 9 },
        ...Object.entries(claims).map(([name, usedBytes]) => ({
          ...{ name: "data", pvcRef: { name, namespace: "shop" }, time: "2026-01-01T00:00:00Z" },
          ...{ capacityBytes: 100, availableBytes: 50, usedBytes, inodes: 10, inodesFree: 5, inodesUsed: 5 },
        })),
      ],
    },
    { podRef: { name: "no-volumes", namespace: "shop", uid: "2" } },
  ],
});

/** Measures a cluster whose nodes answer in these ways. */
async function measure(
  answers: Readonly<Record<string, (response: ServerResponse) => void>>,
  more: readonly object[] = [],
) {
  let open = 0;
  let most = 0;
  const stub = await openStub(({ path }, response) => {
    if (path.endsWith("/volumeattachments")) {
      const items = [...Object.keys(answers).map((node) => attachment(node)), ...more];
      return sendJson(response, 200, { items, metadata: { resourceVersion: "1" } });
    }
    open += 1;
    most = Math.max(most, open);
    response.once("close", () => {
      open -= 1;
    });
    const node = /^\/api\/v1\/nodes\/([^/]+)\/proxy\/stats\/summary$/.exec(path)?.[1] ?? "";
    const answer = answers[node];
    return answer === undefined ? sendStatus(response, 404, "NotFound") : answer(response);
  });
  const lines: { node?: string }[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const client = openKube({ kubeconfig: stub.kubeconfig, log });
  closers.push(() => client.close(), stub.close);
  const adapter = kubeletStorage(log, { nodes: 10, volumes: 10, nodesAtOnce: 2, nodeMs: 500, maxBytes: 100_000 });
  const ref = { id: "c", name: "c", project: "p" };
  const measured = await adapter.measure(ref, client, new AbortController().signal);
  return { measured, silent: lines.map(({ node }) => node).sort(), seen: stub.seen, most };
}

const says = (claims: Readonly<Record<string, unknown>>) => (response: ServerResponse) =>
  sendJson(response, 200, summary(claims));
const answersText = (text: string) => (response: ServerResponse) => void response.writeHead(200).end(text);

describe("kubelets", () => {
  it("say what the volumes of claims have in use", async () => {
    const { measured, silent } = await measure({ "node-1": says({ a: 1, b: 0 }), "node-2": says({ c: 2 ** 40 }) });
    expect(measured.volumes).toHaveLength(3);
    expect(measured.volumes).toEqual(
      expect.arrayContaining([
        { namespace: "shop", claim: "a", figures: { usedBytes: 1 } },
        { namespace: "shop", claim: "b", figures: { usedBytes: 0 } },
        { namespace: "shop", claim: "c", figures: { usedBytes: 2 ** 40 } },
      ]),
    );
    expect(measured.snapshots).toEqual([]);
    expect(silent).toEqual([]);
  });

  it("that fail, lie, are slow or talk too much are passed over, and logged", async () => {
    const huge = JSON.stringify({ pods: [], padding: "x".repeat(200_000) });
    const { measured, silent } = await measure({
      good: says({ a: 1 }),
      gone: (response) => sendStatus(response, 404, "NotFound"),
      broken: (response) => sendStatus(response, 502, "BadGateway"),
      huge: answersText(huge),
      cut: answersText('{"pods": [{'),
      slow: () => undefined,
      endless: (response) => void response.writeHead(200).write("{"),
    });
    expect(measured.volumes).toEqual([{ namespace: "shop", claim: "a", figures: { usedBytes: 1 } }]);
    expect(silent).toEqual(["broken", "cut", "endless", "gone", "huge", "slow"]);
  });

  it("count for the entries that make sense", async () => {
    const odd = { minus: -1, half: 0.5, text: "12", nothing: null, over: 2 ** 60, good: 3 };
    const { measured, silent } = await measure({
      odd: says(odd),
      list: answersText("[]"),
      empty: answersText('{"pods": 7}'),
      nested: answersText('{"pods": [null, 1, {"volume": [null, {"pvcRef": []}, {"pvcRef": {"name": 1}}]}]}'),
    });
    expect(measured.volumes).toEqual([{ namespace: "shop", claim: "good", figures: { usedBytes: 3 } }]);
    expect(silent).toEqual([]);
  });

  it("are asked once each, a few at a time, and only where a volume is attached", async () => {
    const many = Object.fromEntries(Array.from({ length: 7 }, (_, i) => [`node-${i}`, says({ [`claim-${i}`]: i })]));
    const more = [attachment("node-0"), attachment("away", false), attachment("../../secrets"), attachment("")];
    const { measured, seen, most } = await measure(many, more);
    expect(measured.volumes).toHaveLength(7);
    expect(seen).toHaveLength(8);
    expect(most).toBeLessThanOrEqual(2);
  });

  it("are no more than a cluster can have, and so are the volumes of which they tell", async () => {
    const many = Object.fromEntries(Array.from({ length: 15 }, (_, i) => [`node-${i}`, says({ a: 1 })]));
    expect((await measure(many)).seen).toHaveLength(1 + 10);
    const claims = Object.fromEntries(Array.from({ length: 15 }, (_, i) => [`claim-${i}`, i]));
    const { measured } = await measure({ chatty: says({ ...claims, ["x".repeat(300)]: 1 }) });
    expect(measured.volumes).toHaveLength(10);
  });

  it("are asked for what a list without an end tells of them, until the time is up", async () => {
    let pages = 0;
    const stub = await openStub(({ path }, response) => {
      if (!path.endsWith("/volumeattachments")) return says({ a: 1 })(response);
      pages += 1;
      sendJson(response, 200, { items: [attachment("node-1")], metadata: { resourceVersion: "1", continue: "more" } });
    });
    const client = openKube({ kubeconfig: stub.kubeconfig, log: pino({ level: "silent" }) });
    closers.push(() => client.close(), stub.close);
    const stop = new AbortController();
    const measuring = kubeletStorage(pino({ level: "silent" })).measure(
      { id: "c", name: "c", project: "p" },
      client,
      stop.signal,
    );
    await expect.poll(() => pages, { timeout: 20_000 }).toBeGreaterThan(3);
    stop.abort(new Error("time is up"));
    await expect(measuring).rejects.toThrow("time is up");
  });
});
