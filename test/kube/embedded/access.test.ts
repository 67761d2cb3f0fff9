import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { KubeConfig } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { configMap, configMaps, startKube, type TestKube } from "./support.js";

let kube: TestKube;
let now = () => new Date();

beforeAll(async () => {
  kube = await startKube({ clock: () => now() });
  await kube.createCluster("one");
  await kube.createCluster("two");
});
afterAll(() => kube.close());

const get = async (path: string, kubeconfig: string) => (await kube.send("GET", path, { kubeconfig })).code;

describe("access", () => {
  test("needs a certificate of this server", async () => {
    const answer = await kube.send("GET", "/api/v1/nodes", { kubeconfig: "none" });
    expect(answer.json).toMatchObject({ kind: "Status", code: 401, reason: "Unauthorized" });
    const other = await startKube();
    expect(await get("/api/v1/nodes", other.adminKubeconfig)).toBe(401);
    await other.close();
  });

  test("a group opens its cluster only, system:masters all, others none", async () => {
    const { yaml: one } = await kube.kubeconfig({ user: "u", groups: ["cluster:one"], cluster: "one" });
    expect(await get("/clusters/one/api/v1/nodes", one)).toBe(200);
    expect(await get("/clusters/two/api/v1/nodes", one)).toBe(403);
    expect(await get("/api/v1/nodes", one)).toBe(403);
    expect(await get("/clusters/none/api", one)).toBe(403);
    expect(await get("/clusters/two/api/v1/nodes", kube.adminKubeconfig)).toBe(200);
    const { yaml: nobody } = await kube.kubeconfig({ user: "n", groups: ["cluster:", "others"] });
    expect(await get("/api/v1/nodes", nobody)).toBe(403);
    expect(await get("/clusters/one/api", nobody)).toBe(403);
  });

  test("ends with the certificate, also on an open connection", async () => {
    const { yaml, expires } = await kube.kubeconfig({ user: "u", groups: ["system:masters"], expiresInSeconds: 600 });
    expect(await get("/api/v1/nodes", yaml)).toBe(200);
    now = () => new Date(expires.getTime() + 2000);
    try {
      expect(await get("/api/v1/nodes", yaml)).toBe(401);
    } finally {
      now = () => new Date();
    }
    expect(await get("/api/v1/nodes", yaml)).toBe(200);
  });

  test("a certificate that has ended is told so", async () => {
    const directory = await mkdtemp(join(tmpdir(), "embedded-kube-"));
    const past = await startKube({ directory, clock: () => new Date(Date.now() - 7_200_000) });
    const { yaml } = await past.kubeconfig({ user: "u", groups: ["system:masters"], expiresInSeconds: 60 });
    await past.close();
    const present = await startKube({ directory });
    const answer = await present.send("GET", "/api/v1/nodes", { kubeconfig: yaml });
    expect(answer.json).toMatchObject({ code: 401, reason: "Unauthorized" });
    await present.close();
    await rm(directory, { recursive: true, force: true });
  });

  test("survives TLS sessions that are resumed", async () => {
    const config = new KubeConfig();
    config.loadFromString(kube.adminKubeconfig);
    const decoded = (data: string | undefined) => Buffer.from(data ?? "", "base64");
    const user = config.getCurrentUser();
    const { hostname, port } = new URL(kube.url);
    const base = {
      host: hostname,
      port: Number(port),
      ca: decoded(config.getCurrentCluster()?.caData),
      cert: decoded(user?.certData),
      key: decoded(user?.keyData),
    };
    const ask = (session?: Buffer) =>
      new Promise<{ reused: boolean; status: string; session: Buffer | undefined }>((resolve, reject) => {
        let latest: Buffer | undefined;
        const socket = connect({ ...base, ...(session ? { session } : {}) });
        socket.on("session", (data: Buffer) => {
          latest = data;
        });
        socket.on("error", reject);
        let text = "";
        socket.on("data", (data) => {
          text += String(data);
        });
        const reused = new Promise<boolean>((done) =>
          socket.once("secureConnect", () => done(socket.isSessionReused())),
        );
        socket.on("end", async () => {
          resolve({ reused: await reused, status: text.split("\r\n")[0] ?? "", session: latest });
        });
        socket.write("GET /api/v1/nodes HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
      });
    const first = await ask();
    expect(first).toMatchObject({ reused: false, status: "HTTP/1.1 200 OK" });
    expect((await ask(first.session)).status).toBe("HTTP/1.1 200 OK");
  });

  test("kubeconfigs carry the names that the caller gives, and the address of the cluster", async () => {
    const names = { cluster: "c", user: "u", context: "x" };
    const { yaml } = await kube.kubeconfig({ user: "jane", groups: ["cluster:one"], cluster: "one", names });
    const config = parse(yaml);
    expect(config["current-context"]).toBe("x");
    expect(config.contexts).toEqual([{ name: "x", context: { cluster: "c", user: "u" } }]);
    expect(config.clusters[0].cluster.server).toBe(`${kube.url}/clusters/one`);
    const body = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" };
    const path = "/clusters/one/apis/authentication.k8s.io/v1/selfsubjectreviews";
    const review = await kube.send("POST", path, { body, kubeconfig: yaml });
    expect(review.json.status.userInfo).toEqual({
      username: "jane",
      groups: ["cluster:one", "system:authenticated"],
    });
  });
});

describe("virtual clusters", () => {
  test("have objects and discovery of their own", async () => {
    await kube.send("POST", `/clusters/one${configMaps}`, { body: configMap("only-one") });
    expect((await kube.send("GET", `${configMaps}/only-one`)).code).toBe(404);
    expect((await kube.send("GET", `/clusters/two${configMaps}/only-one`)).code).toBe(404);
    expect((await kube.send("GET", `/clusters/one${configMaps}/only-one`)).code).toBe(200);
    const index = await kube.send("GET", "/clusters/one/openapi/v3");
    expect(index.json.paths["api/v1"].serverRelativeURL).toMatch(/^\/clusters\/one\/openapi\/v3\/api\/v1\?hash=/);
    expect(kube.cluster("one")?.url).toBe(`${kube.url}/clusters/one`);
  });

  test("come and go, and their watches with them", async () => {
    await kube.createCluster("brief");
    const response = await kube.open(`/clusters/brief${configMaps}?watch=true`);
    const ended = (async () => {
      for await (const _ of response);
    })();
    await kube.deleteCluster("brief");
    await ended;
    expect((await kube.send("GET", "/clusters/brief/api")).code).toBe(404);
    await kube.deleteCluster("brief");
    await expect(kube.createCluster("No Name")).rejects.toThrow(/not a name/);
    const [a, b] = await Promise.all([kube.createCluster("twice"), kube.createCluster("twice")]);
    expect(a.store).toBe(b.store);
  });
});
