import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { ScopeKind } from "../../../../gen/ts/iam/v1/access_pb.js";
import { mostBindings } from "../../../../src/resources/iam/access/binding-store.js";
import { mostRoles } from "../../../../src/resources/iam/access/roles.js";
import { customRoles, roleBindings } from "../../../../src/resources/iam/access/table.js";
import { as, startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { codeOf } from "../../support/refusals.js";
import { holdersOf } from "./holders.js";

let platform: TestPlatform;
let world: ReturnType<typeof holdersOf>;
let tenant: TestTenant;
let owner: ReturnType<typeof as>;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  world = holdersOf(platform);
});
afterAll(() => platform.close());
beforeEach(async () => {
  tenant = await platform.newTenant();
  owner = as(tenant.tokens.owner);
});

it("a tenant has so many custom roles and no more, however many are made at once", async () => {
  const { db, clock, newId } = platform.platform;
  const stamps = { createdAt: clock(), updatedAt: clock() };
  const role = { tenant: tenant.tenant, scope: "project", permissions: ["api.v1.ClusterService.List"] } as const;
  await db.insert(customRoles).values(
    Array.from({ length: mostRoles - 1 }, (_, i) => ({
      ...role,
      id: newId(),
      name: `r${i}`,
      ...stamps,
      permissions: [...role.permissions],
    })),
  );
  const { tenant: login } = tenant;
  const make = (name: string) =>
    codeOf(
      world.access.createRole({ login, name, scope: ScopeKind.PROJECT, permissions: [...role.permissions] }, owner),
    );
  expect((await Promise.all([make("one"), make("two"), make("three")])).sort()).toEqual([
    "OK",
    "ResourceExhausted",
    "ResourceExhausted",
  ]);
  const { roles } = await world.access.listRoles({ login, scope: ScopeKind.PROJECT }, owner);
  const own = roles.filter(({ builtIn }) => !builtIn);
  expect(own.filter((each) => each.login === login)).toHaveLength(mostRoles);
  await world.access.deleteRole({ login, id: own.at(-1)?.id ?? "" }, owner);
  expect(await make("four")).toBe("OK");
  const other = await platform.newTenant();
  await world.role(other, ScopeKind.PROJECT, ...role.permissions);
});

it("a tenant and a project have so many bindings beside their members, and changing one takes no room", async () => {
  const { db, clock, newId } = platform.platform;
  const { tenant: login, project } = tenant;
  const row = (i: number) => ({ id: newId(), email: `e${i}@example.org`, createdBy: login, createdAt: clock() });
  const built = { builtInRole: "viewer", customRole: null } as const;
  const rows = Array.from({ length: mostBindings - 1 }, (_, i) => i);
  await db
    .insert(roleBindings)
    .values(rows.map((i) => ({ ...row(i), ...built, scope: "tenant" as const, tenant: login })));
  await db.insert(roleBindings).values(rows.map((i) => ({ ...row(i), ...built, scope: "project" as const, project })));
  for (const place of [{ login }, { project }]) {
    const invite = (value: string, role = "viewer") =>
      codeOf(world.access.setRoleBinding({ ...place, role, holder: { case: "email", value } }, owner));
    const codes = await Promise.all([invite("a@example.org"), invite("b@example.org")]);
    expect(codes.sort()).toEqual(["OK", "ResourceExhausted"]);
    expect(await invite("e0@example.org")).toBe("OK");
    expect(await invite("e0@example.org", "editor")).toBe("OK");
    const member = { case: "principal", value: await world.user() } as const;
    expect(await codeOf(world.access.setRoleBinding({ ...place, role: "viewer", holder: member }, owner))).toBe("OK");
  }
});
