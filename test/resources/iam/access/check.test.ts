import { eq } from "drizzle-orm";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ClusterService } from "../../../../gen/ts/api/v1/cluster_pb.js";
import { ProjectService } from "../../../../gen/ts/api/v1/project_pb.js";
import { AccessService, ScopeKind } from "../../../../gen/ts/iam/v1/access_pb.js";
import { principals } from "../../../../src/resources/iam/principal/table.js";
import { as, startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { codeOf, refusal } from "../../support/refusals.js";
import { tokensOf } from "../../support/tokens.js";
import { holdersOf } from "./holders.js";

let platform: TestPlatform;
let world: ReturnType<typeof holdersOf>;
let tenant: TestTenant;
/** An environment of its project, and a deployment in it of the same uuid. */
let part: string;
let owner: ReturnType<typeof as>;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  world = holdersOf(platform);
  tenant = await platform.newTenant();
  part = await world.part(tenant);
  owner = as(tenant.tokens.owner);
});
afterAll(() => platform.close());

type Place = { login?: string; project?: string; environment?: string };
const list = "api.v1.ClusterService.List";
const create = "/api.v1.ClusterService/Create";
const bind = (place: Place, role: string, value: string) =>
  world.access.setRoleBinding({ ...place, role, holder: { case: "principal", value } }, owner);
const check = async (place: Place, principal: string, method: string, by = owner) => {
  const { allowed, reason } = await world.access.check({ ...place, principal, method }, by);
  return { allowed, reason };
};

describe("Check", () => {
  it("says whether, and on what ground [pds.authorize-operation]", async () => {
    const { tenant: login, project } = tenant;
    const bot = await world.bot(tenant);
    const ask = (method = list, place: Place = { project }) => check(place, bot, method);
    const no = { allowed: false, reason: expect.stringContaining("this method needs the project role owner") };
    expect(await ask()).toEqual(no);
    const team = await world.team(tenant, bot);
    await bind({ project }, "viewer", team);
    expect(await ask()).toEqual({
      allowed: true,
      reason: `the project role viewer through the team team-${team.slice(-12)}`,
    });
    expect(await ask("/api.v1.ClusterService/List")).toEqual(await ask());
    expect(await ask(create)).toMatchObject({ allowed: false });
    const role = await world.role(tenant, ScopeKind.TENANT, "api.v1.ClusterService");
    const { binding } = await bind({ login }, role, bot);
    const custom = `the custom role ${binding?.roleName} bound at tenant ${login}`;
    expect(await ask(create)).toEqual({ allowed: true, reason: custom });
    await bind({ project }, "editor", bot);
    expect(await ask(create)).toEqual({ allowed: true, reason: "the project role editor" });
    const member = await world.bot(tenant);
    await bind({ login }, "viewer", member);
    expect(await check({ project }, member, list)).toEqual({ allowed: true, reason: "the tenant role viewer" });
    expect(await check({ login }, member, "api.v1.TenantService.Get")).toEqual({
      allowed: true,
      reason: "the tenant role viewer",
    });
    await bind({ project, environment: part }, "owner", member);
    const set = "iam.v1.AccessService.SetRoleBinding";
    expect(await check({ project, environment: part }, member, set)).toEqual({
      allowed: true,
      reason: "the environment role owner",
    });
    expect(await check({ project }, member, set)).toMatchObject({ allowed: false });
    // A method that does not ask for an environment cannot be called in one.
    expect(await check({ project, environment: part }, member, create)).toMatchObject({ allowed: false });
  });

  it("knows what is open to everybody, and what is open to nobody", async () => {
    const { project } = tenant;
    const bot = await world.bot(tenant);
    expect(await check({ project }, bot, "api.v1.VersionService.Get")).toEqual({
      allowed: true,
      reason: expect.stringContaining("public method"),
    });
    expect(await check({ project }, bot, "api.v1.TokenService.List")).toMatchObject({ allowed: true });
    expect(await check({ project }, "root", create, as(platform.adminToken))).toEqual({
      allowed: true,
      reason: "the admin role",
    });
    // Who is an operator is nobody else's business.
    expect(await check({ project }, "root", create)).toMatchObject({ allowed: false });
    for (const method of ["api.v1.ClusterService.Fly", "Fly", "api.v1.ClusterService", "*", "/__proto__/constructor"]) {
      expect(await refusal(check({ project }, bot, method))).toMatchObject({
        code: "InvalidArgument",
        fields: ["method"],
      });
    }
  });

  it("knows nobody who is unknown or disabled", async () => {
    const { project } = tenant;
    const nobody = { allowed: false, reason: "no enabled principal has this id" };
    expect(await check({ project }, "nobody", list)).toEqual(nobody);
    const bot = await world.bot(tenant);
    await bind({ project }, "viewer", bot);
    expect(await check({ project }, bot, list)).toMatchObject({ allowed: true });
    await platform.platform.db.update(principals).set({ enabled: false }).where(eq(principals.id, bot));
    expect(await check({ project }, bot, list)).toEqual(nobody);
  });

  it("is asked about the calling token itself, as it is cut", async () => {
    const { project } = tenant;
    expect(await check({ project }, "", create, as(tenant.tokens.editor))).toEqual({
      allowed: true,
      reason: "the project role of the calling token",
    });
    expect(await check({ project }, "", create, as(tenant.tokens.viewer))).toMatchObject({ allowed: false });
    const single = await world.permission(tenant, project, [create, "/iam.v1.AccessService/Check"]);
    expect(await check({ project }, "", create, as(single))).toEqual({
      allowed: true,
      reason: "a single permission of the calling token, and the project role of its owner",
    });
    expect(await check({ project }, "", list, as(single))).toMatchObject({ allowed: false });
    const console = as(await tokensOf(platform).console(tenant.tenant));
    expect(await check({ project }, "root", create, console)).toMatchObject({ allowed: false });
  });

  it("is answered only about what the caller may ask for", async () => {
    const other = await platform.newTenant();
    const by = as(other.tokens.owner);
    for (const place of [{ login: tenant.tenant }, { project: tenant.project }, {}]) {
      expect(await codeOf(check(place, other.tenant, list, by))).toBe("PermissionDenied");
    }
  });
});

const roles = fc.constantFrom("owner", "editor", "viewer");
const permissions = fc.constantFrom(
  list,
  "api.v1.ClusterService",
  "api.v1.ProjectService.Get",
  "api.v1.ProjectService",
  "iam.v1.AccessService.ListRoleBindings",
  "iam.v1.AccessService.ListRoles",
  "api.v1",
  "iam",
  "*",
);
const gift = fc.record({
  place: fc.constantFrom<"tenant" | "project" | "environment">("tenant", "project", "environment"),
  role: fc.oneof(roles, permissions),
  byTeam: fc.boolean(),
});

describe("Check and the calls themselves", () => {
  it("agree, whatever roles a bot holds", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(gift, { maxLength: 3 }), async (gifts) => {
        const own = await platform.newTenant();
        const by = as(own.tokens.owner);
        const bot = await world.bot(own);
        const team = await world.team(own, bot);
        const placeOf = { tenant: { login: own.tenant }, project: { project: own.project } };
        const environment = { project: own.project, environment: await world.environment(own) };
        for (const { place, role, byTeam } of gifts) {
          const scope = { tenant: ScopeKind.TENANT, project: ScopeKind.PROJECT, environment: ScopeKind.ENVIRONMENT }[
            place
          ];
          const isBuiltIn = ["owner", "editor", "viewer"].includes(role);
          // What has no effect in the scope cannot be bound there; what gives roles has one everywhere.
          const fits = platform.platform.methods.permissions.get(role)?.scopes.has(place);
          const meant = fits ? role : "iam.v1.AccessService";
          const named = isBuiltIn ? role : await world.role(own, scope, meant);
          const target = place === "environment" ? environment : placeOf[place];
          const holder = { case: "principal", value: byTeam ? team : bot } as const;
          await world.access.setRoleBinding({ ...target, role: named, holder }, by);
        }
        const key = as(await world.apiKey(bot));
        const { project, tenant: login } = own;
        const calls: [Place, string, () => Promise<unknown>][] = [
          [{ project }, list, () => platform.client(ClusterService).list({ project }, key)],
          [{ project }, "api.v1.ProjectService.Get", () => platform.client(ProjectService).get({ project }, key)],
          ...[{ project }, { login }, environment].map((place): [Place, string, () => Promise<unknown>] => [
            place,
            "iam.v1.AccessService.ListRoleBindings",
            () => platform.client(AccessService).listRoleBindings(place, key),
          ]),
          [{ login }, "iam.v1.AccessService.ListRoles", () => world.access.listRoles({ login }, key)],
          [{}, "iam.v1.AccessService.ListRoles", () => world.access.listRoles({}, key)],
        ];
        for (const [place, method, call] of calls) {
          // Nobody of the tenant may ask about the platform: an admin does.
          const asker = place.login || place.project ? by : as(platform.adminToken);
          const { allowed, reason } = await check(place, bot, method, asker);
          expect([method, place, await codeOf(call())]).toEqual([method, place, allowed ? "OK" : "PermissionDenied"]);
          if (allowed) expect(reason).toMatch(/^the (tenant|project|environment|custom) role /);
        }
      }),
      { numRuns: 25 },
    );
  });
});
