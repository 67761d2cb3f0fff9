import type { ServerResponse } from "node:http";
import { createServer } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ConnectionState, TargetHealth } from "../../../../gen/ts/deploy/v1/target_pb.js";
import { openAuthority } from "../../../../src/kube/embedded/authority.js";
import { targets as targetRows } from "../../../../src/resources/deploy/target/table.js";
import { sendJson, sendStatus } from "../../../kube/stub-server.js";
import { startPlatform, type TestPlatform } from "../../../support/platform.js";
import { openTargetProxy, type TargetProxy } from "./target-proxy.js";
import { quick, startObserver, targetsOf } from "./targets.js";

let platform: TestPlatform;
let proxy: TargetProxy;
let targets: ReturnType<typeof targetsOf>;
let stop: () => Promise<void> = async () => undefined;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  proxy = await openTargetProxy(platform.kube.kubeconfig);
});
beforeEach(async () => {
  targets = targetsOf(platform, await platform.newTenant());
});
afterEach(async () => {
  await stop();
  proxy.leave();
  // Those of one test are none of the next one's business.
  await platform.platform.db.delete(targetRows);
});
afterAll(async () => {
  await proxy.close();
  await platform.close();
});

const { CONNECTED, DISCONNECTED } = ConnectionState;
const secret = "words of an inner service";

/** How a target can fail, and what its people are told. */
const faults: Record<string, { answer: (response: ServerResponse) => void; message: string }> = {
  "refuses the credentials": {
    answer: (to) => sendStatus(to, 401, secret),
    message: "does not accept the credentials",
  },
  "forbids everything": { answer: (to) => sendStatus(to, 403, secret), message: "see GetJoinConfig for the rights" },
  "is overloaded": {
    answer: (to) => sendStatus(to, 429, secret, { "retry-after": "60" }),
    message: "overloaded (429)",
  },
  fails: { answer: (to) => sendStatus(to, 500, secret), message: "fails (500)" },
  "is another server": {
    answer: (to) => void to.writeHead(404).end(secret),
    message: "is no Kubernetes API server (404)",
  },
  "answers something else": { answer: (to) => void to.end(secret), message: "is no Kubernetes API server" },
  "answers another object": {
    answer: (to) => sendJson(to, 200, { gitVersion: secret }),
    message: "is no Kubernetes API",
  },
  "breaks off": { answer: (to) => void to.destroy(), message: "breaks connections off" },
  "dies in the middle of an answer": {
    answer: (to) => {
      to.writeHead(200, { "content-type": "application/json", "content-length": "1000" });
      to.write('{"gitVersion":');
      setTimeout(() => to.destroy(), 10);
    },
    message: "the API server",
  },
  floods: {
    answer: (to) => {
      const flood = (): void => {
        while (!to.destroyed && to.write("x".repeat(65_536)));
        if (!to.destroyed) to.once("drain", flood);
      };
      flood();
    },
    message: "is no Kubernetes API server",
  },
  hangs: { answer: () => undefined, message: "does not answer in time" },
};

describe("a target that", () => {
  it.each(Object.entries(faults))("%s is disconnected and says why", async (_, { answer, message }) => {
    let isFaulty = true;
    proxy.meddle((__, response) => {
      if (isFaulty) answer(response);
      return isFaulty;
    });
    stop = startObserver(platform, { pace: { ...quick, lookMs: 1_500 } });
    const { uuid } = await targets.foreign(proxy.kubeconfig());
    const target = await targets.until(uuid, {
      connection: DISCONNECTED,
      connectionMessage: expect.stringContaining(message),
      health: TargetHealth.UNKNOWN,
    });
    expect(target.lastSeenAt).toBeUndefined();
    // What answers may be anything that this server reaches: its words are not for the caller.
    expect(JSON.stringify(target, (__, value) => (typeof value === "bigint" ? `${value}` : value))).not.toContain(
      secret,
    );
    isFaulty = false;
    await targets.until(uuid, { connection: CONNECTED, connectionMessage: "" });
  });

  it("sends elsewhere is not followed there", async () => {
    const paths: string[] = [];
    proxy.meddle(({ path }, response) => {
      paths.push(path);
      response.writeHead(302, { location: `${proxy.url}/elsewhere` }).end();
      return true;
    });
    stop = startObserver(platform);
    const { uuid } = await targets.foreign(proxy.kubeconfig());
    const target = await targets.until(uuid, { connection: DISCONNECTED });
    expect(target.connectionMessage).toContain("redirect (302), which is not followed");
    expect(new Set(paths)).toEqual(new Set(["/version"]));
  });

  it("shows a certificate of another authority is not told the token", async () => {
    const other = await openAuthority(undefined, () => new Date());
    const data = Buffer.from(other.certificate).toString("base64");
    stop = startObserver(platform);
    const before = proxy.seen.length;
    const { uuid } = await targets.foreign(proxy.kubeconfig({ cluster: { "certificate-authority-data": data } }));
    const target = await targets.until(uuid, { connection: DISCONNECTED });
    expect(target.connectionMessage).toContain("is not trusted");
    expect(proxy.seen.length).toBe(before);
  });

  it("shows a certificate for another name is not trusted", async () => {
    stop = startObserver(platform);
    const config = proxy.kubeconfig({ cluster: { "tls-server-name": "other.example.com" } });
    const { uuid } = await targets.foreign(config);
    const target = await targets.until(uuid, { connection: DISCONNECTED });
    expect(target.connectionMessage).toContain("ERR_TLS_CERT_ALTNAME_INVALID");
  });

  it("does not listen, or has no known name, is said to", async () => {
    const free = createServer();
    await new Promise<void>((resolve) => free.listen(0, "127.0.0.1", resolve));
    const { port } = free.address() as { port: number };
    await new Promise((resolve) => free.close(resolve));
    stop = startObserver(platform);
    const silent = await targets.foreign(proxy.kubeconfig({ server: `https://127.0.0.1:${port}` }));
    const unknown = await targets.foreign(proxy.kubeconfig({ server: "https://nowhere.invalid" }));
    expect((await targets.until(silent.uuid, { connection: DISCONNECTED })).connectionMessage).toContain(
      "nothing listens",
    );
    expect((await targets.until(unknown.uuid, { connection: DISCONNECTED })).connectionMessage).toContain(
      "cannot be resolved",
    );
  });

  it("does not show its nodes is connected, and its health is not known", async () => {
    proxy.meddle(({ path }, response) => {
      if (!path.startsWith("/api/v1/nodes")) return false;
      sendStatus(response, 403, "Forbidden");
      return true;
    });
    stop = startObserver(platform);
    const { uuid } = await targets.foreign(proxy.kubeconfig());
    const target = await targets.until(uuid, { connection: CONNECTED, health: TargetHealth.UNKNOWN });
    expect(target.healthMessage).toContain("may not list nodes");
  });

  it("fails once, and again later, stays connected", async () => {
    const { uuid } = await targets.foreign(proxy.kubeconfig());
    const shown: ConnectionState[] = [];
    const unsubscribe = platform.platform.feed.subscribe("target", () => {
      void targets.get(uuid).then(({ connection }) => shown.push(connection));
    });
    // Every second look fails, and never two in a row.
    let looks = 0;
    let failures = 0;
    let isFlapping = false;
    proxy.meddle(({ path }, response) => {
      if (path === "/version") looks += 1;
      if (!isFlapping || path !== "/version" || looks % 2 === 0) return false;
      failures += 1;
      sendStatus(response, 500, "InternalError");
      return true;
    });
    stop = startObserver(platform);
    await targets.connected(uuid);
    isFlapping = true;
    const after = looks;
    await expect.poll(() => looks, { timeout: 30_000 }).toBeGreaterThan(after + 8);
    unsubscribe();
    expect(failures).toBeGreaterThan(2);
    expect(shown).not.toContain(DISCONNECTED);
    expect((await targets.get(uuid)).connection).toBe(CONNECTED);
  });

  it("hangs does not keep others from being looked at", async () => {
    const other = await openTargetProxy(platform.kube.kubeconfig);
    try {
      proxy.meddle(() => true);
      stop = startObserver(platform, { pace: { ...quick, atOnce: 2, lookMs: 1_500 } });
      const hanging = await Promise.all(Array.from({ length: 4 }, () => targets.foreign(proxy.kubeconfig())));
      const { uuid } = await targets.foreign(other.kubeconfig());
      await targets.connected(uuid);
      for (const one of hanging) await targets.until(one.uuid, { connection: DISCONNECTED });
    } finally {
      await other.close();
    }
  });

  it("lists more nodes than are kept, or without an end, is bounded", async () => {
    let pages = 0;
    proxy.meddle(({ path }, response) => {
      if (!path.startsWith("/api/v1/nodes")) return false;
      pages += 1;
      const items = Array.from({ length: 250 }, (_, i) => ({
        metadata: { name: `n-${pages}-${i}`, labels: { ["k".repeat(2_000)]: "v\u0000".repeat(1_000), "x\u0000": 7 } },
        status: { conditions: [{ type: "Ready", status: "True" }, 7, null], addresses: "none", allocatable: [1] },
        spec: null,
      }));
      sendJson(response, 200, { kind: "NodeList", metadata: { resourceVersion: "1", continue: "more" }, items });
      return true;
    });
    stop = startObserver(platform);
    const { uuid } = await targets.foreign(proxy.kubeconfig());
    const target = await targets.until(uuid, { connection: CONNECTED, health: TargetHealth.UNKNOWN });
    expect(target.healthMessage).toContain("more nodes than the 5000");
    expect(pages).toBeGreaterThanOrEqual(21);
    const { nodes } = await targets.client.listNodes({ project: targets.project, uuid }, targets.owner);
    expect(nodes.length).toBe(5_000);
    expect(Object.keys(nodes[0]?.labels ?? {})[0]?.length).toBeLessThan(600);
  });
});
