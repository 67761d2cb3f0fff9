import { pino } from "pino";
import { afterEach, expect, test } from "vitest";
import { openKube } from "../../../src/kube/client.js";
import { machinesOf } from "../../../src/resources/api/cluster/gardener-machines.js";
import { openStub, sendJson } from "../stub-server.js";

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const ref = { id: "c", name: "c", project: "p" };

async function machines(items: readonly unknown[]) {
  const stub = await openStub((_, response) => sendJson(response, 200, { items, metadata: { resourceVersion: "1" } }));
  const client = openKube({ kubeconfig: stub.kubeconfig, log: pino({ level: "silent" }) });
  closers.push(() => client.close(), stub.close);
  return await machinesOf(client, ref, "place", new AbortController().signal);
}

test("nodes that are none are machines of which little is known, and do not hide the others", async () => {
  const good = {
    metadata: { name: "good", uid: "u", labels: { "worker.gardener.cloud/pool": "w" } },
    status: { conditions: [{ type: "Ready", status: "True" }], addresses: [{ type: "Hostname", address: "host" }] },
  };
  const odd = [
    null,
    7,
    {},
    { metadata: 1, status: [] },
    { metadata: { name: 5, labels: { "worker.gardener.cloud/pool": {} } }, status: { conditions: {}, addresses: "x" } },
    { metadata: { name: "x".repeat(5_000) }, status: { nodeInfo: { systemUUID: [], osImage: 1 }, addresses: [null] } },
  ];
  const found = await machines([...odd, good]);
  expect(found).toHaveLength(odd.length + 1);
  expect(found.at(-1)).toMatchObject({ name: "good", uuid: "u", hostname: "host", role: "w", state: "Ready" });
  for (const machine of found) {
    for (const value of Object.values(machine)) expect(typeof value).toBe("string");
    expect(machine.name.length).toBeLessThanOrEqual(1_024);
  }
});

test("nodes are no more than a page, whatever is answered", async () => {
  expect(await machines(Array.from({ length: 2_000 }, () => ({})))).toHaveLength(500);
});
