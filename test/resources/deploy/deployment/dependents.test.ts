import { eq, sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { releaseDependents } from "../../../../src/resources/deploy/deployment/dependents.js";
import { targets } from "../../../../src/resources/deploy/target/table.js";
import { startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { dataOf, secretsOf } from "../secret/secrets.js";
import { chart, deploymentsOf, setting } from "./deployments.js";

let platform: TestPlatform;
let tenant: TestTenant;
let all: Awaited<ReturnType<typeof deploymentsOf>>;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  tenant = await platform.newTenant();
  all = await deploymentsOf(platform, tenant);
});
afterAll(() => platform.close());

const named = (uuid: string) => ({ project: tenant.project, deployment: uuid });
const context = () => ({ signal: new AbortController().signal, attempt: 1, log: platform.platform.log });

describe("what follows a secret", () => {
  it("is released once for each newer version, and not again", async () => {
    const secrets = secretsOf(platform, tenant);
    const { uuid: secret } = await secrets.create();
    const reference = { secret, key: "key" };
    const follows = await all.running({ config: { setVariables: [{ name: "S", secret: reference }] } });
    const fixed = await all.running({
      config: { setVariables: [{ name: "S", secret: { ...reference, version: 1n } }] },
    });
    await secrets.update(secret, { data: dataOf({ key: "new" }) });
    for (let i = 0; i < 3; i += 1) await releaseDependents(platform.platform)({ secret }, context());
    expect(await all.tasks(fixed)).toEqual([]);
    expect(await all.tasks(follows)).toMatchObject([{ actor: "system", kind: "release", release: 2 }]);
    await all.work(follows);
    for (let i = 0; i < 3; i += 1) await releaseDependents(platform.platform)({ secret }, context());
    expect(await all.tasks(follows)).toEqual([]);
    const credentials = await all.client.revealCredentials(named(follows), all.owner);
    expect(credentials.values).toEqual({ S: "new" });
  });

  it("is released when the release failed that had the newer version", async () => {
    const { db } = platform.platform;
    const secrets = secretsOf(platform, tenant);
    const { uuid: secret } = await secrets.create();
    const uuid = await all.running({ config: { setVariables: [{ name: "S", secret: { secret, key: "key" } }] } });
    await all.configure(uuid, setting({ A: "1" }));
    await secrets.update(secret, { data: dataOf({ key: "new" }) });
    await all.begin(uuid);
    await releaseDependents(platform.platform)({ secret }, context());
    expect(await all.tasks(uuid)).toHaveLength(1);
    const key = `deployment.dependents:${secret}`;
    await db.execute(sql`delete from graphile_worker._private_jobs where key = ${key}`);
    await all.work(uuid, "failed", "no");
    expect((await db.execute(sql`select from graphile_worker._private_jobs where key = ${key}`)).rows).toHaveLength(1);
    await releaseDependents(platform.platform)({ secret }, context());
    expect(await all.tasks(uuid)).toMatchObject([{ actor: "system", release: 3 }]);
    await all.work(uuid, "failed", "no");
    expect((await db.execute(sql`select from graphile_worker._private_jobs where key = ${key}`)).rows).toHaveLength(1);
  });

  it("is tried again where there is no room for a task, whatever others cannot be", async () => {
    const { db } = platform.platform;
    const secrets = secretsOf(platform, tenant);
    const { uuid: secret } = await secrets.create();
    const use = { secret, key: "key" };
    const { target, namespace } = await all.place();
    const helm = chart("demo-web", { secretValues: [{ path: "password", secret: use }] });
    await all.running({ target, namespace, source: helm });
    const full = await all.running({ config: { setVariables: [{ name: "S", secret: use }] } });
    for (let i = 0; i < 20; i += 1) await all.client.restart(named(full), all.owner);
    await db.update(targets).set({ capabilities: {} }).where(eq(targets.id, target));
    await secrets.update(secret, { data: dataOf({ key: "new" }) });
    await expect(releaseDependents(platform.platform)({ secret }, context())).rejects.toMatchObject({
      kind: "exhausted",
    });
  });
});
