import type { MessageInitShape } from "@bufbuild/protobuf";
import { eq } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ProjectService } from "../../../../gen/ts/api/v1/project_pb.js";
import { ConstraintField, EnvironmentService } from "../../../../gen/ts/deploy/v1/environment_pb.js";
import { ConnectionState, type RouterSchema } from "../../../../gen/ts/deploy/v1/target_pb.js";
import { auditEntries } from "../../../../src/resources/api/audit/table.js";
import { targets as targetRows } from "../../../../src/resources/deploy/target/table.js";
import { as, startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { clustersOf } from "../../support/clusters.js";
import { codeOf, refusal } from "../../support/refusals.js";
import { openTargetProxy, type TargetProxy } from "./target-proxy.js";
import { newName, startObserver, targetsOf } from "./targets.js";

let platform: TestPlatform;
let proxy: TargetProxy;
let tenant: TestTenant;
let targets: ReturnType<typeof targetsOf>;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  proxy = await openTargetProxy(platform.kube.kubeconfig);
});
beforeEach(async () => {
  tenant = await platform.newTenant();
  targets = targetsOf(platform, tenant);
});
afterEach(() => proxy.leave());
afterAll(async () => {
  await proxy.close();
  await platform.close();
});

const missing = "0195c0de-0000-7000-8000-0000000000ff";
type RouterInit = Exclude<MessageInitShape<typeof RouterSchema>, { $typeName: string }>;
const router = (name: string, more: RouterInit = {}): RouterInit => ({ name, ingressClass: "nginx", ...more });

describe("a target", () => {
  it("is made of a foreign kubeconfig with all that was said [tsuru.cluster-create, pds.create-deployment-target]", async () => {
    const order = {
      name: newName("far"),
      description: "where customers are",
      labels: { region: "eu" },
      routers: [
        router("public", {
          domain: "apps.example.com",
          tlsSecret: "wildcard",
          clusterIssuer: "letsencrypt",
          annotations: { "nginx.ingress.kubernetes.io/proxy-body-size": "8m" },
          isDefault: true,
        }),
        { name: "internal" },
      ],
    };
    const made = await targets.foreign(proxy.kubeconfig(), order);
    expect(made).toMatchObject({
      ...order,
      project: tenant.project,
      cluster: "",
      connection: ConnectionState.PENDING,
      version: 1n,
    });
    expect(made.createdAt).toEqual(made.updatedAt);
    expect(await targets.get(made.uuid)).toEqual(made);
  });

  it("is read by its uuid [platz.getK8sCluster, tsuru.cluster-info, pds.get-deployment-target]", async () => {
    const { uuid, name } = await targets.foreign(proxy.kubeconfig());
    expect((await targets.get(uuid.toUpperCase(), as(tenant.tokens.viewer))).name).toBe(name);
    expect(await codeOf(targets.get(missing))).toBe("NotFound");
    const others = targetsOf(platform, await platform.newTenant());
    const calls = [
      () => others.get(uuid),
      () => others.update(uuid, { name: "x" }),
      () => others.delete(uuid),
      () => others.client.listNodes({ project: others.project, uuid }, others.owner),
    ];
    for (const call of calls) expect(await codeOf(call())).toBe("NotFound");
  });

  it("is listed by name in its project, and found by labels and cluster [platz.allK8sClusters, tsuru.cluster-list, pds.list-project-deployment-targets]", async () => {
    const cluster = await clustersOf(platform, tenant).create();
    await targets.of(cluster.uuid, { name: "own" });
    await targets.foreign(proxy.kubeconfig(), { name: "far", labels: { region: "eu", tier: "1" } });
    await targets.foreign(proxy.kubeconfig(), { name: "away", labels: { region: "eu" } });
    const { project } = tenant;
    expect(await targets.names({ project }, as(tenant.tokens.viewer))).toEqual(["away", "far", "own"]);
    expect(await targets.names({ project, labels: { region: "eu", tier: "1" } })).toEqual(["far"]);
    expect(await targets.names({ project, cluster: cluster.uuid })).toEqual(["own"]);
    expect(await targets.names({ project, cluster: missing })).toEqual([]);
    expect(await codeOf(targets.names({ project, labels: { "-": "" } }))).toBe("InvalidArgument");
  });

  it("is listed with those of all projects of its tenant [pds.list-tenant-deployment-targets]", async () => {
    const { tenant: login } = tenant;
    const { project } = await platform
      .client(ProjectService)
      .create({ login, name: "second", description: "another" }, targets.owner);
    const second = targetsOf(platform, { ...tenant, project: project?.uuid ?? "" });
    await second.foreign(proxy.kubeconfig(), { name: "b", labels: { in: "second" } });
    await targets.foreign(proxy.kubeconfig(), { name: "a" });
    expect(await targets.names({ login })).toEqual(["a", "b"]);
    expect(await targets.names({ login, labels: { in: "second" } })).toEqual(["b"]);
    expect(await targets.names({ project: tenant.project })).toEqual(["a"]);
    const stranger = await platform.newTenant();
    expect(await codeOf(targets.names({ login }, as(stranger.tokens.owner)))).toBe("PermissionDenied");
    expect(await targetsOf(platform, stranger).names({ login: stranger.tenant })).toEqual([]);
  });

  it("shows its routers wherever it is read [tsuru.router-list]", async () => {
    await targets.foreign(proxy.kubeconfig(), { routers: [router("one"), router("two")] });
    const { targets: list } = await targets.client.list({ project: tenant.project }, as(tenant.tokens.viewer));
    expect(list[0]?.routers.map(({ name }) => name)).toEqual(["one", "two"]);
  });

  it("gets a router [tsuru.router-add]", async () => {
    const { uuid } = await targets.foreign(proxy.kubeconfig());
    const changed = await targets.update(uuid, {
      routers: { routers: [router("public", { domain: "a.example.com" })] },
    });
    expect(changed).toMatchObject({ routers: [{ name: "public", domain: "a.example.com" }], version: 2n });
  });

  it("changes a router [tsuru.router-update, platz.updateK8sCluster]", async () => {
    const { uuid } = await targets.foreign(proxy.kubeconfig(), { routers: [router("public"), router("other")] });
    const routers = [router("public", { ingressClass: "traefik", isDefault: true }), router("other")];
    expect(await targets.update(uuid, { routers: { routers } })).toMatchObject({
      routers: [{ name: "public", ingressClass: "traefik", isDefault: true }, { name: "other" }],
    });
  });

  it("loses a router [tsuru.router-delete]", async () => {
    const { uuid } = await targets.foreign(proxy.kubeconfig(), { routers: [router("public"), router("other")] });
    expect((await targets.update(uuid, { routers: { routers: [router("other")] } })).routers).toHaveLength(1);
    expect((await targets.update(uuid, { routers: {} })).routers).toEqual([]);
  });

  it.each([
    [[router("a"), router("a")], "[1].name"],
    [[router("a", { isDefault: true }), router("b", { isDefault: true })], "[1].is_default"],
    [[router("a", { domain: "Example.com" })], "[0].domain"],
    [[router("a", { domain: "*.example.com" })], "[0].domain"],
    [[router("a", { domain: "localhost" })], "[0].domain"],
    [[router("a", { domain: `${"a".repeat(64)}.example.com` })], "[0].domain"],
    [[router("a", { domain: "a..b" })], "[0].domain"],
    [[router("a", { tlsSecret: "x" })], "[0].domain"],
    [[router("a", { tlsSecret: "X", domain: "a.b" })], "[0].tls_secret"],
    [[router("a", { ingressClass: "a_b" })], "[0].ingress_class"],
    [[router("a", { clusterIssuer: "-" })], "[0].cluster_issuer"],
    [[router("a", { annotations: { "a b": "" } })], "[0].annotations"],
    [[router("a", { annotations: { a: "x".repeat(70_000) } })], "[0].annotations"],
    [[router("A")], "[0].name"],
  ])("is refused with the routers %j", async (routers, field) => {
    const refused = await refusal(targets.foreign(proxy.kubeconfig(), { routers }));
    expect(refused).toMatchObject({ code: "InvalidArgument", fields: [`routers${field}`] });
    const { uuid } = await targets.foreign(proxy.kubeconfig());
    expect((await refusal(targets.update(uuid, { routers: { routers } }))).fields).toEqual([`routers.routers${field}`]);
  });

  it("changes in what is set and stays in the rest [tsuru.cluster-update, pds.patch-deployment-target]", async () => {
    const before = await targets.foreign(proxy.kubeconfig(), { description: "one", labels: { a: "1" } });
    const name = newName("renamed");
    const renamed = await targets.update(before.uuid, { name });
    expect(renamed).toMatchObject({
      name,
      description: "one",
      labels: { a: "1" },
      version: 2n,
      createdAt: before.createdAt,
    });
    const emptied = await targets.update(before.uuid, { description: "", labels: {} });
    expect(emptied).toMatchObject({ name, description: "", labels: {}, version: 3n });
    // A change of nothing is none.
    expect(await targets.update(before.uuid, {})).toEqual(emptied);
  });

  it("is renamed only to a name that is free [pds.update-deployment-target]", async () => {
    const [one, two] = [await targets.foreign(proxy.kubeconfig()), await targets.foreign(proxy.kubeconfig())];
    expect(await codeOf(targets.update(one.uuid, { name: two.name }))).toBe("AlreadyExists");
    expect(await codeOf(targets.foreign(proxy.kubeconfig(), { name: one.name }))).toBe("AlreadyExists");
    const other = targetsOf(platform, await platform.newTenant());
    expect((await other.foreign(proxy.kubeconfig(), { name: one.name })).name).toBe(one.name);
  });

  it("changes only from the version that is expected", async () => {
    const { uuid } = await targets.foreign(proxy.kubeconfig());
    expect((await targets.update(uuid, { description: "two", expectedVersion: 1n })).version).toBe(2n);
    for (const expectedVersion of [1n, 3n, 0n, -1n, 2n ** 63n - 1n]) {
      expect(await codeOf(targets.update(uuid, { description: "three", expectedVersion }))).toBe("Aborted");
    }
    const results = await Promise.all(
      [1, 2, 3, 4].map((n) => codeOf(targets.update(uuid, { description: `${n}`, expectedVersion: 2n }))),
    );
    expect(results.sort()).toEqual(["Aborted", "Aborted", "Aborted", "OK"]);
  });

  it("is deleted, and its cluster stays [platz.deleteK8sCluster, tsuru.cluster-delete, pds.delete-deployment-target]", async () => {
    const clusters = clustersOf(platform, tenant);
    const cluster = await clusters.create();
    const { uuid, name } = await targets.of(cluster.uuid);
    expect((await targets.delete(uuid)).target?.name).toBe(name);
    expect(await codeOf(targets.get(uuid))).toBe("NotFound");
    expect(await codeOf(targets.delete(uuid))).toBe("NotFound");
    expect((await clusters.get(cluster.uuid)).name).toBe(cluster.name);
    expect((await targets.of(cluster.uuid, { name })).name).toBe(name);
  });

  it("stays while constraints of environments name it", async () => {
    const { uuid } = await targets.foreign(proxy.kubeconfig());
    const environments = platform.client(EnvironmentService);
    const constraints = [
      { field: ConstraintField.TARGET, values: [uuid, (await targets.foreign(proxy.kubeconfig())).uuid] },
    ];
    const { project } = tenant;
    const { environment } = await environments.create({ project, name: "prod", constraints }, targets.owner);
    expect(await refusal(targets.delete(uuid.toUpperCase()))).toMatchObject({
      code: "FailedPrecondition",
      message: expect.stringContaining("a constraint of environment prod"),
    });
    await environments.delete({ project, uuid: environment?.uuid ?? "" }, targets.owner);
    await targets.delete(uuid);
  });

  it("is of a cluster of the project, once, and of none that is foreign, gone or going", async () => {
    const clusters = clustersOf(platform, tenant);
    const { uuid } = await clusters.create();
    const made = await targets.of(uuid.toUpperCase());
    expect(made.cluster).toBe(uuid);
    expect(await refusal(targets.of(uuid))).toMatchObject({
      code: "AlreadyExists",
      message: expect.stringContaining("for this cluster"),
    });
    expect(await codeOf(targets.of(missing))).toBe("NotFound");
    expect(await codeOf(targetsOf(platform, await platform.newTenant()).of(uuid))).toBe("NotFound");
    const going = await clusters.create();
    await clusters.client.delete({ project: tenant.project, uuid: going.uuid }, targets.owner);
    expect(await codeOf(targets.of(going.uuid))).toBe("FailedPrecondition");
    expect(await refusal(targets.update(made.uuid, { kubeconfig: proxy.kubeconfig() }))).toMatchObject({
      code: "InvalidArgument",
      fields: ["kubeconfig"],
    });
  });

  it("needs a source, and a kubeconfig that can be used", async () => {
    expect(await codeOf(targets.create({}))).toBe("InvalidArgument");
    const exec = proxy.kubeconfig({ user: { exec: { command: "sh" } } });
    expect(await refusal(targets.foreign(exec))).toMatchObject({ code: "InvalidArgument", fields: ["kubeconfig"] });
    const { uuid } = await targets.foreign(proxy.kubeconfig());
    expect((await refusal(targets.update(uuid, { kubeconfig: exec }))).fields).toEqual(["kubeconfig"]);
    expect(await codeOf(targets.foreign(" ".repeat(70_000)))).toBe("InvalidArgument");
  });

  it("is one of a hundred of a project at most", async () => {
    const stamps = { createdAt: new Date(), updatedAt: new Date() };
    const { db, newId } = platform.platform;
    const rows = Array.from({ length: 98 }, (_, i) => {
      return { id: newId(), project: tenant.project, name: `fill-${i}`, kubeconfigSealed: "sealed", ...stamps };
    });
    await db.insert(targetRows).values(rows);
    const results = await Promise.all([1, 2, 3, 4].map(() => codeOf(targets.foreign(proxy.kubeconfig()))));
    expect(results.sort()).toEqual(["OK", "OK", "ResourceExhausted", "ResourceExhausted"]);
    await db.delete(targetRows).where(eq(targetRows.project, tenant.project));
  });
});

describe("a kubeconfig", () => {
  it("is sealed at rest, and is in no answer, log, error, change or audit record", async () => {
    const stop = startObserver(platform);
    const token = "token-that-nobody-may-see";
    proxy.tokens.add(token);
    const { uuid } = await targets.foreign(proxy.kubeconfig({ token }));
    const target = await targets.connected(uuid);
    await targets.update(uuid, { kubeconfig: proxy.kubeconfig({ token }) });
    await targets.connected(uuid);
    proxy.tokens.delete(token);
    await targets.until(uuid, { connection: ConnectionState.DISCONNECTED });
    const refused = await refusal(targets.foreign(proxy.kubeconfig({ token, server: "http://x" })));
    await stop();
    const { db, keyring } = platform.platform;
    const [row] = await db.select().from(targetRows).where(eq(targetRows.id, uuid));
    expect(await keyring.open(row?.kubeconfigSealed ?? "")).toContain(token);
    const text = (value: unknown) => JSON.stringify(value, (_, one) => (typeof one === "bigint" ? `${one}` : one));
    await expect
      .poll(async () => text(await db.select().from(auditEntries).where(eq(auditEntries.project, tenant.project))))
      .toContain("/deploy.v1.TargetService/Update");
    const records = await db.select().from(auditEntries).where(eq(auditEntries.project, tenant.project));
    for (const seen of [target, refused, row, records, platform.lines]) expect(text(seen)).not.toContain(token);
  });

  it("that is new is tried like that of a new target, and nothing of the old one holds", async () => {
    const stop = startObserver(platform);
    const { uuid } = await targets.foreign(proxy.kubeconfig());
    await targets.connected(uuid);
    await stop();
    const changed = await targets.update(uuid, { kubeconfig: proxy.kubeconfig({ token: "wrong" }) });
    expect(changed).toMatchObject({
      connection: ConnectionState.PENDING,
      server: "",
      kubernetesVersion: "",
      capabilities: {},
      version: 2n,
    });
    expect(changed.lastSeenAt).toBeUndefined();
    const nodes = targets.client.listNodes({ project: tenant.project, uuid }, targets.owner);
    expect(await codeOf(nodes)).toBe("FailedPrecondition");
    const again = startObserver(platform);
    const away = await targets.until(uuid, { connection: ConnectionState.DISCONNECTED });
    expect(away.connectionMessage).toContain("(401)");
    // At once, whatever the waiting time after failures has become.
    await targets.update(uuid, { kubeconfig: proxy.kubeconfig() });
    await targets.connected(uuid);
    await again();
  });
});

it("what was seen with an older kubeconfig is not written over a new one", async () => {
  let free = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    free = resolve;
  });
  let isAsked = false;
  proxy.meddle(async ({ token }) => {
    if (token !== proxy.token) return false;
    isAsked = true;
    await held;
    return false;
  });
  const { uuid } = await targets.foreign(proxy.kubeconfig());
  const stop = startObserver(platform);
  await expect.poll(() => isAsked, { timeout: 20_000 }).toBe(true);
  await targets.update(uuid, { kubeconfig: proxy.kubeconfig({ token: "wrong" }) });
  const shown: ConnectionState[] = [];
  const unsubscribe = platform.platform.feed.subscribe("target", () => {
    void targets.get(uuid).then(({ connection }) => shown.push(connection));
  });
  free();
  await targets.until(uuid, { connection: ConnectionState.DISCONNECTED });
  unsubscribe();
  await stop();
  expect(shown).not.toContain(ConnectionState.CONNECTED);
});
