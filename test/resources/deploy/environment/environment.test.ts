import { timestampDate } from "@bufbuild/protobuf/wkt";
import { and, eq } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ProjectService } from "../../../../gen/ts/api/v1/project_pb.js";
import { ConstraintField } from "../../../../gen/ts/deploy/v1/environment_pb.js";
import { SecretService, SecretType } from "../../../../gen/ts/deploy/v1/secret_pb.js";
import { environments } from "../../../../src/resources/deploy/environment/table.js";
import { roleBindings } from "../../../../src/resources/iam/access/table.js";
import { as, startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { holdersOf } from "../../iam/access/holders.js";
import { codeOf, refusal } from "../../support/refusals.js";
import { environmentsOf, newName } from "./environments.js";

let platform: TestPlatform;
let tenant: TestTenant;
let envs: ReturnType<typeof environmentsOf>;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
});
beforeEach(async () => {
  tenant = await platform.newTenant();
  envs = environmentsOf(platform, tenant);
});
afterAll(() => platform.close());

const missing = "0195c0de-0000-7000-8000-0000000000ff";
const db = () => platform.platform.db;

/** A secret in an environment, called for by the project's owner. */
const putSecret = (environment: string, name: string) =>
  platform.client(SecretService).create(
    {
      project: tenant.project,
      environment,
      name,
      type: SecretType.OPAQUE,
      data: { values: { key: new Uint8Array([1]) } },
    },
    envs.owner,
  );

describe("an environment", () => {
  it("is made with all that was said [platz.createEnv, tsuru.pool-create]", async () => {
    const target = await envs.target();
    const order = {
      project: tenant.project,
      name: newName("prod"),
      description: "where customers are",
      isDefault: true,
      nodeSelector: { "example.org/pool": "prod", zone: "" },
      tolerations: [
        { key: "dedicated", operator: "Equal", value: "prod", effect: "NoSchedule" },
        { operator: "Exists", effect: "NoExecute", tolerationSeconds: -1n },
        { key: "plain", value: "x" },
      ],
      constraints: [
        { field: ConstraintField.TARGET, values: [target.toUpperCase()] },
        { field: ConstraintField.PLAN, values: ["small", "team-*", "*"], deny: true },
      ],
      labels: { team: "web" },
    };
    const environment = await envs.create(order);
    expect(environment).toMatchObject({
      ...order,
      tolerations: order.tolerations,
      constraints: [{ values: [target], deny: false }, order.constraints[1]],
      version: 1n,
    });
    expect(environment.createdAt).toEqual(environment.updatedAt);
    expect(environment.createdAt && timestampDate(environment.createdAt).getTime()).toBeGreaterThan(0);
    expect(await envs.get(environment.uuid)).toEqual(environment);
  });

  it("is read one by one, in either case of its uuid [platz.getEnv, tsuru.pool-info, pds.get-project]", async () => {
    const { uuid, name } = await envs.create();
    expect((await envs.get(uuid.toUpperCase()))?.name).toBe(name);
    expect((await envs.get(uuid, as(tenant.tokens.viewer)))?.uuid).toBe(uuid);
    expect(await codeOf(envs.get(missing))).toBe("NotFound");
  });

  it("is listed by name, and found by name and labels [platz.allEnvs, tsuru.pool-list, pds.list-tenant-projects]", async () => {
    await envs.create({ name: "staging", labels: { team: "web", tier: "2" } });
    await envs.create({ name: "prod", labels: { team: "web" } });
    await envs.create({ name: "lab" });
    expect(await envs.names({}, as(tenant.tokens.viewer))).toEqual(["lab", "prod", "staging"]);
    expect(await envs.names({ name: "prod" })).toEqual(["prod"]);
    expect(await envs.names({ name: "none" })).toEqual([]);
    expect(await envs.names({ labels: { team: "web" } })).toEqual(["prod", "staging"]);
    expect(await envs.names({ labels: { team: "web", tier: "2" } })).toEqual(["staging"]);
    expect(await codeOf(envs.names({ labels: { "-": "" } }))).toBe("InvalidArgument");
    expect(await environmentsOf(platform, await platform.newTenant()).names()).toEqual([]);
  });

  it("changes in what is set and stays in the rest [platz.updateEnv]", async () => {
    const before = await envs.create({ nodeSelector: { a: "1" }, labels: { b: "2" }, description: "one" });
    const name = newName("renamed");
    const renamed = await envs.update(before.uuid, {
      name,
      nodeSelector: { labels: { pool: "x" } },
      tolerations: { tolerations: [{ key: "t", operator: "Exists" }] },
    });
    expect(renamed).toMatchObject({
      name,
      description: "one",
      nodeSelector: { pool: "x" },
      labels: { b: "2" },
      tolerations: [{ key: "t", operator: "Exists", value: "", effect: "" }],
      version: 2n,
      createdAt: before.createdAt,
    });
    const emptied = await envs.update(before.uuid, { description: "", nodeSelector: {}, tolerations: {}, labels: {} });
    expect(emptied).toMatchObject({ description: "", nodeSelector: {}, tolerations: [], labels: {}, version: 3n });
    // A change of nothing is none.
    expect(await envs.update(before.uuid, {})).toEqual(emptied);
    expect(await codeOf(envs.update(missing, { name: newName() }))).toBe("NotFound");
  });

  it("changes only from the version that is expected", async () => {
    const { uuid } = await envs.create();
    expect((await envs.update(uuid, { description: "two", expectedVersion: 1n }))?.version).toBe(2n);
    for (const expectedVersion of [1n, 3n, 0n, -1n, 2n ** 63n - 1n]) {
      expect(await refusal(envs.update(uuid, { description: "three", expectedVersion }))).toMatchObject({
        code: "Aborted",
        message: expect.stringContaining("has version 2 now"),
      });
    }
    expect((await envs.get(uuid))?.description).toBe("two");
  });

  it("is the default, and no other of its project then [tsuru.pool-update]", async () => {
    const first = await envs.create({ isDefault: true });
    const second = await envs.create({ isDefault: true });
    const other = environmentsOf(platform, await platform.newTenant());
    const foreign = await other.create({ isDefault: true });
    expect(await envs.get(first.uuid)).toMatchObject({ isDefault: false, version: 2n });
    expect(await envs.update(first.uuid, { isDefault: true })).toMatchObject({ isDefault: true, version: 3n });
    expect(await envs.get(second.uuid)).toMatchObject({ isDefault: false, version: 2n });
    await envs.update(first.uuid, { isDefault: false });
    expect(await envs.get(second.uuid)).toMatchObject({ isDefault: false, version: 2n });
    expect(await other.get(foreign.uuid)).toMatchObject({ isDefault: true, version: 1n });
  });

  it("has a name of its own in its project", async () => {
    const [one, another] = [await envs.create(), await envs.create()];
    expect(await refusal(envs.create({ name: one.name }))).toMatchObject({
      code: "AlreadyExists",
      message: `the project has an environment ${one.name} already`,
    });
    expect(await codeOf(envs.update(another.uuid, { name: one.name }))).toBe("AlreadyExists");
    const other = environmentsOf(platform, await platform.newTenant());
    expect((await other.create({ name: one.name })).name).toBe(one.name);
  });

  it("is deleted with the roles and invitations in it, and nothing else [platz.deleteEnv, tsuru.pool-remove]", async () => {
    const [gone, stays] = [await envs.create(), await envs.create()];
    const holders = holdersOf(platform);
    const bot = await holders.bot(tenant);
    const { project } = tenant;
    const bind = (environment: string, holder: { case: "principal" | "email"; value: string }) =>
      holders.access.setRoleBinding({ project, environment, role: "viewer", holder }, envs.owner);
    for (const { uuid } of [gone, stays]) {
      await bind(uuid, { case: "principal", value: bot });
      await bind(uuid, { case: "email", value: "somebody@example.org" });
    }
    const key = as(await holders.apiKey(bot));
    await envs.get(gone.uuid, key);
    expect((await envs.delete(gone.uuid)).environment).toMatchObject({ uuid: gone.uuid, name: gone.name });
    const bound = () =>
      db().select({ at: roleBindings.subject }).from(roleBindings).where(eq(roleBindings.project, project));
    expect(await bound()).toEqual([{ at: stays.uuid }, { at: stays.uuid }]);
    await expect.poll(() => codeOf(envs.get(gone.uuid, key))).toBe("PermissionDenied");
    await envs.get(stays.uuid, key);
    expect(await codeOf(envs.get(gone.uuid))).toBe("NotFound");
    expect(await codeOf(envs.delete(gone.uuid))).toBe("NotFound");
  });

  it("stays while secrets are in it, which are named", async () => {
    const { uuid, name } = await envs.create();
    await putSecret(uuid, "db");
    expect(await refusal(envs.delete(uuid))).toMatchObject({
      code: "FailedPrecondition",
      message: `environment ${name} is not empty: delete secret db first`,
    });
    for (let i = 0; i < 6; i += 1) await putSecret(uuid, `s${i}`);
    const { message } = await refusal(envs.delete(uuid));
    expect(message).toContain("delete secret db, secret s0, secret s1, secret s2, secret s3, 2 more first");
    expect(await codeOf(envs.get(uuid))).toBe("OK");
  });

  it("keeps its project, as do targets and secrets, all of them named", async () => {
    const { project } = tenant;
    const { uuid, name } = await envs.create();
    await putSecret("", "of-all");
    const target = await envs.target();
    const projects = platform.client(ProjectService);
    const { message, code } = await refusal(projects.delete({ project }, as(platform.adminToken)));
    expect(code).toBe("FailedPrecondition");
    expect(message).toContain(`delete environment ${name}, target ${target}, secret of-all first`);
    await envs.delete(uuid);
    expect((await refusal(projects.delete({ project }, as(platform.adminToken)))).message).toContain(
      `delete target ${target}, secret of-all first`,
    );
  });
});

describe("who has a role in an environment alone", () => {
  it("reads it, and cannot change, delete or list any", async () => {
    const [own, other] = [await envs.create(), await envs.create()];
    const holders = holdersOf(platform);
    const bot = await holders.bot(tenant);
    const holder = { case: "principal", value: bot } as const;
    const place = { project: tenant.project, environment: own.uuid };
    await holders.access.setRoleBinding({ ...place, role: "owner", holder }, envs.owner);
    const key = as(await holders.apiKey(bot));
    expect((await envs.get(own.uuid, key))?.uuid).toBe(own.uuid);
    const denied = { code: "PermissionDenied", message: "this method needs the project role owner or editor" };
    expect(await refusal(envs.update(own.uuid, { isDefault: true }, key))).toMatchObject(denied);
    expect(await refusal(envs.delete(own.uuid, key))).toMatchObject(denied);
    for (const call of [
      () => envs.get(other.uuid, key),
      () => envs.update(other.uuid, {}, key),
      () => envs.delete(other.uuid, key),
      () => envs.create({}, key),
      () => envs.names({}, key),
    ]) {
      expect(await codeOf(call())).toBe("PermissionDenied");
    }
    expect(await envs.get(own.uuid)).toEqual(own);
    // A token of one permission in the project has the role that its owner has there.
    const single = await holders.permission(tenant, tenant.project, ["/deploy.v1.EnvironmentService/Update"]);
    expect((await envs.update(own.uuid, { description: "by one" }, as(single)))?.description).toBe("by one");
    expect(await codeOf(envs.delete(own.uuid, as(single)))).toBe("PermissionDenied");
  });

  it("in another project reaches nothing by naming it here", async () => {
    const own = await envs.create();
    const other = environmentsOf(platform, await platform.newTenant());
    const foreign = await other.create();
    expect(await codeOf(envs.get(foreign.uuid))).toBe("NotFound");
    expect(await codeOf(envs.update(foreign.uuid, { name: newName() }))).toBe("NotFound");
    expect(await codeOf(envs.delete(foreign.uuid))).toBe("NotFound");
    for (const role of ["editor", "viewer"] as const) {
      const by = as(tenant.tokens[role]);
      const mayChange = role === "editor" ? "OK" : "PermissionDenied";
      expect(await codeOf(envs.update(own.uuid, { description: role }, by))).toBe(mayChange);
      expect(await codeOf(envs.create({}, by))).toBe(mayChange);
    }
    const rows = await db()
      .select()
      .from(environments)
      .where(and(eq(environments.id, foreign.uuid), eq(environments.version, 1)));
    expect(rows).toHaveLength(1);
  });
});
