import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { RouteState } from "../../../../gen/ts/deploy/v1/route_pb.js";
import { SecretType } from "../../../../gen/ts/deploy/v1/secret_pb.js";
import { SettingsService } from "../../../../gen/ts/deploy/v1/settings_pb.js";
import { TaskState } from "../../../../gen/ts/deploy/v1/task_pb.js";
import { asFields } from "../../../../src/kube/embedded/fields.js";
import type { KubeObject, ResourceType } from "../../../../src/kube/objects.js";
import { targets as targetRows } from "../../../../src/resources/deploy/target/table.js";
import type { TestPlatform, TestTenant } from "../../../support/platform.js";
import { codeOf, refusal } from "../../support/refusals.js";
import { environmentsOf } from "../environment/environments.js";
import { issue } from "../secret/certificates.js";
import { dataOf, secretsOf } from "../secret/secrets.js";
import { directly, targetsOf } from "../target/targets.js";
import { deploymentsOf, type Home, homeOn, objectsOf, openSite } from "../works/site.js";
import { ingressesOf, router, routesOf, web } from "./routes.js";

const clusterIssuers: ResourceType = {
  group: "cert-manager.io",
  version: "v1",
  plural: "clusterissuers",
  kind: "ClusterIssuer",
};
const { ACTIVE } = RouteState;

let platform: TestPlatform;
let close: () => Promise<void>;
let tenant: TestTenant;
let home: Home;
let all: Awaited<ReturnType<typeof deploymentsOf>>;
let routes: ReturnType<typeof routesOf>;
let secrets: ReturnType<typeof secretsOf>;
let shop: { uuid: string; objectName: string };
beforeAll(async () => {
  ({ platform, close } = await openSite());
  tenant = await platform.newTenant();
  home = await homeOn(platform, tenant, platform.kube.kubeconfig);
  const wild = router({ name: "wild", domain: "apps.example.org", tlsSecret: "wildcard", isDefault: false });
  await targetsOf(platform, tenant).update(home.target, { routers: { routers: [router(), wild] } });
  all = await deploymentsOf(platform, tenant);
  routes = routesOf(platform, tenant);
  secrets = secretsOf(platform, tenant);
  const kube = directly(platform);
  await kube.create(clusterIssuers, { metadata: { name: "good" }, spec: { selfSigned: {} } } as KubeObject);
  kube.close();
  shop = await all.create(home, { processes: web });
  await vi.waitFor(async () => expect((await all.row(shop.uuid)).activeRelease).toBe(1), { timeout: 60_000 });
});
afterAll(() => close?.());

const bySecret = (secret: string) => ({ tls: { certificate: { case: "secret", value: secret } } }) as const;
const byIssuer = (name: string) => ({ tls: { certificate: { case: "clusterIssuer", value: name } } }) as const;
const plain = { tls: { certificate: { case: "none", value: true } } } as const;

async function certificate(dns: string[], environment = "") {
  const { cert, key } = await issue({ dns });
  const data = dataOf({ "tls.crt": cert, "tls.key": key });
  return { ...(await secrets.create({ type: SecretType.TLS, environment, data })), cert };
}

function secretOf(route: string): string | undefined {
  const ref = { group: "", resource: "secrets", namespace: home.name, name: `route-${route}-tls` };
  const crt = asFields(platform.kube.embedded.store.get(ref)?.data)["tls.crt"];
  return typeof crt === "string" ? Buffer.from(crt, "base64").toString() : undefined;
}

it("a TLS secret is copied beside the Ingress, follows its newest version, stays while it is used, and goes with it", async () => {
  const { uuid: secret, cert } = await certificate(["*.example.org"]);
  const { task, ...route } = await routes.create(shop.uuid, bySecret(secret));
  expect(route.url).toBe(`https://${route.hostname}/`);
  await all.done(task);
  expect(secretOf(route.uuid)).toBe(cert);
  expect(ingressesOf(platform.kube, route.uuid)[0]?.spec).toMatchObject({
    tls: [{ hosts: [route.hostname], secretName: `route-${route.uuid}-tls` }],
  });
  expect(await refusal(secrets.delete(secret))).toMatchObject({
    code: "FailedPrecondition",
    message: expect.stringContaining(route.hostname),
  });
  const renewed = await issue({ dns: ["*.example.org"] });
  await secrets.update(secret, { data: dataOf({ "tls.crt": renewed.cert, "tls.key": renewed.key }) });
  await expect.poll(() => secretOf(route.uuid), { timeout: 30_000 }).toBe(renewed.cert);
  await all.done((await routes.update(route.uuid, plain)).task);
  expect(secretOf(route.uuid)).toBeUndefined();
  expect(ingressesOf(platform.kube, route.uuid)[0]?.spec).not.toHaveProperty("tls");
  expect(JSON.stringify(platform.lines)).not.toContain(renewed.key.slice(40, 80));
});

it("a secret must hold for the hostname, be a TLS secret, and be the project's or the environment's", async () => {
  const { uuid: other } = await certificate(["*.example.com"]);
  const refused = { code: "InvalidArgument", fields: ["tls.secret"] };
  expect(await refusal(routes.create(shop.uuid, bySecret(other)))).toMatchObject(refused);
  const { uuid: opaque } = await secrets.create();
  expect(await refusal(routes.create(shop.uuid, bySecret(opaque)))).toMatchObject(refused);
  const elsewhere = (await environmentsOf(platform, tenant).create()).uuid;
  const { uuid: far } = await certificate(["*.example.org"], elsewhere);
  expect(await codeOf(routes.create(shop.uuid, bySecret(far)))).toBe("NotFound");
  const { uuid: near } = await certificate(["*.example.org"], all.environment);
  await routes.create(shop.uuid, bySecret(near));
});

it("an issuer of cert-manager makes a certificate, which is waited for, and goes with the route", async () => {
  const { uuid, task } = await routes.create(shop.uuid, byIssuer("good"));
  await all.done(task);
  expect(await routes.get(uuid)).toMatchObject({ state: ACTIVE });
  expect(secretOf(uuid)).toContain("BEGIN CERTIFICATE");
  const { uuid: secret, cert } = await certificate(["*.example.org"]);
  await all.done((await routes.update(uuid, bySecret(secret))).task);
  expect(secretOf(uuid)).toBe(cert);
  const certificates = { group: "cert-manager.io", resource: "certificates", namespace: home.name };
  expect(platform.kube.embedded.store.get({ ...certificates, name: `route-${uuid}-tls` })).toBeUndefined();
  await all.done((await routes.delete(uuid)).task);
  expect(secretOf(uuid)).toBeUndefined();
});

it("what waits for a certificate that does not come says so, and can be deleted when its task is canceled", async () => {
  const { uuid, task } = await routes.create(shop.uuid, byIssuer("unknown"));
  await routes.until(uuid, { message: expect.stringContaining("it has no certificate yet") });
  const { project, owner } = all;
  await all.tasks.cancel({ project, uuid: task?.uuid ?? "" }, owner);
  expect(await all.end(task)).toMatchObject({ state: TaskState.CANCELED });
  await routes.until(uuid, { message: expect.stringContaining("canceled") });
  await all.done((await routes.delete(uuid)).task);
  expect(objectsOf(platform.kube, shop.uuid)).not.toContain(`ingresses/route-${uuid}`);
});

it("an issuer is refused where the target has no cert-manager", async () => {
  expect(await refusal(routes.create(shop.uuid, byIssuer("Bad Name")))).toMatchObject({
    code: "InvalidArgument",
    fields: ["tls.cluster_issuer"],
  });
  const neighbour = await platform.newTenant();
  const place = await homeOn(platform, neighbour, platform.kube.kubeconfig);
  await targetsOf(platform, neighbour).update(place.target, { routers: { routers: [router()] } });
  const theirs = await deploymentsOf(platform, neighbour);
  const { uuid } = await theirs.create(place, { processes: web });
  await theirs.until(uuid, { activeRelease: 1 });
  await platform.stopBackground();
  await platform.platform.db.update(targetRows).set({ capabilities: { kubernetes: "v1.32.0" } });
  expect(await refusal(routesOf(platform, neighbour).create(uuid, byIssuer("good")))).toMatchObject({
    code: "FailedPrecondition",
    message: expect.stringContaining("no cert-manager"),
  });
});

it("a router's Secret is used for its domain; a tenant that requires TLS refuses what has none", async () => {
  const { project, owner } = routes;
  const order = { project, deployment: shop.uuid, router: "wild" };
  const { route } = await routes.client.create(order, owner);
  expect(route?.url).toMatch(/^https:\/\/app-\d+\.apps\.example\.org\/$/);
  const settings = platform.client(SettingsService);
  await settings.update({ login: tenant.tenant, tls: { required: true } }, owner);
  const refused = { code: "FailedPrecondition", message: expect.stringContaining("require TLS") };
  expect(await refusal(routes.create(shop.uuid, plain))).toMatchObject(refused);
  expect(await refusal(routes.create(shop.uuid, {}))).toMatchObject(refused);
  expect(await refusal(routes.update(route?.uuid ?? "", plain))).toMatchObject(refused);
});
