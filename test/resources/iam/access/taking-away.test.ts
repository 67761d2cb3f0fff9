import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ScopeKind } from "../../../../gen/ts/iam/v1/access_pb.js";
import { as, startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { codeOf } from "../../support/refusals.js";
import { tokensOf } from "../../support/tokens.js";
import { holdersOf } from "./holders.js";

let platform: TestPlatform;
let world: ReturnType<typeof holdersOf>;
let tenant: TestTenant;
/** An environment of its project, and a deployment in it of the same uuid. */
let part: string;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  world = holdersOf(platform);
});
afterAll(() => platform.close());
beforeEach(async () => {
  tenant = await platform.newTenant();
  part = await world.part(tenant);
});

const set = "/iam.v1.AccessService/SetRoleBinding";
const remove = "/iam.v1.AccessService/DeleteRoleBinding";

type Place = { login?: string; project?: string; environment?: string };
type Holder = { case: "principal" | "email"; value: string };
const user = (value: string): Holder => ({ case: "principal", value });
const bind = (by: string, place: Place, role: string, holder: Holder) =>
  codeOf(world.access.setRoleBinding({ ...place, role, holder }, as(by)));
const unbind = (by: string, place: Place, role: string, holder: Holder) =>
  codeOf(world.access.deleteRoleBinding({ ...place, role, holder }, as(by)));
/** Principals and their roles there, as "name role". */
async function held(place: Place): Promise<string[]> {
  const { bindings } = await world.access.listRoleBindings({ ...place, narrower: true }, as(tenant.tokens.owner));
  return bindings.map(({ principal, email, role }) => `${principal || email} ${role}`).sort();
}

describe("whoever takes roles away, takes no more than the calling token may give", () => {
  it("no role at all with a token of the single permissions to bind, be it a membership or an invitation", async () => {
    const { tenant: login, project } = tenant;
    const custom = await world.role(tenant, ScopeKind.PROJECT, "api.v1.ClusterService.Create");
    const [one, another] = [user(await world.user()), user(await world.user())];
    const invited: Holder = { case: "email", value: "somebody@example.org" };
    const given: [Place, string, Holder][] = [
      [{ login }, "owner", one],
      [{ login }, "guest", another],
      [{ project }, "owner", one],
      [{ project }, custom, one],
      [{ project, environment: part }, "editor", one],
      [{ project }, "owner", invited],
    ];
    for (const [place, role, holder] of given) {
      expect(await bind(tenant.tokens.owner, place, role, holder)).toBe("OK");
    }
    const before = await held({ login });
    const token = await world.permission(tenant, "*", [set, remove]);
    for (const [place, role, holder] of given) {
      expect(await unbind(token, place, role, holder)).toBe("PermissionDenied");
    }
    expect(await held({ login })).toEqual(before);
    for (const [place, role, holder] of given) {
      expect(await unbind(tenant.tokens.owner, place, role, holder)).not.toBe("PermissionDenied");
    }
  });

  it("no stronger role by giving a weaker one in its place", async () => {
    const { project } = tenant;
    const [owner, viewer] = [user(await world.user()), user(await world.user())];
    const secret = await tokensOf(platform).secretOf(
      { projectRoles: { [project]: 2 }, permissions: [{ subject: project, methods: [set, remove] }] },
      tenant.tokens.owner,
    );
    for (const place of [{ project }, { project, environment: part }]) {
      expect(await bind(tenant.tokens.owner, place, "owner", owner)).toBe("OK");
      expect(await bind(tenant.tokens.owner, place, "viewer", viewer)).toBe("OK");
      expect(await bind(secret, place, "viewer", owner)).toBe("PermissionDenied");
      expect(await unbind(secret, place, "owner", owner)).toBe("PermissionDenied");
      expect(await bind(secret, place, "editor", viewer)).toBe("OK");
      expect(await unbind(secret, place, "editor", viewer)).toBe("OK");
    }
  });

  it("no stronger role in a project with the membership of its tenant", async () => {
    const { tenant: login, project } = tenant;
    const [weak, strong] = [user(await world.user()), user(await world.user())];
    for (const holder of [weak, strong]) {
      expect(await bind(tenant.tokens.owner, { login }, "viewer", holder)).toBe("OK");
    }
    expect(await bind(tenant.tokens.owner, { project }, "owner", strong)).toBe("OK");
    const secret = await tokensOf(platform).secretOf(
      { tenantRoles: { [login]: 3 }, permissions: [{ subject: login, methods: [remove] }] },
      tenant.tokens.owner,
    );
    expect(await unbind(secret, { login }, "viewer", strong)).toBe("PermissionDenied");
    expect(await unbind(secret, { login }, "viewer", weak)).toBe("OK");
  });
});
