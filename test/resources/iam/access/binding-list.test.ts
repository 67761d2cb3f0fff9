import type { MessageInitShape } from "@bufbuild/protobuf";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  type AccessServiceListRoleBindingsRequestSchema,
  RoleBindingState,
  ScopeKind,
} from "../../../../gen/ts/iam/v1/access_pb.js";
import { as, startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { codeOf, refusal } from "../../support/refusals.js";
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
});
afterAll(() => platform.close());
beforeEach(async () => {
  tenant = await platform.newTenant();
  part = await world.part(tenant);
  owner = as(tenant.tokens.owner);
});

type Place = Pick<
  Exclude<MessageInitShape<typeof AccessServiceListRoleBindingsRequestSchema>, { $typeName: string }>,
  "login" | "project" | "environment" | "deployment"
>;
const principal = (value: string) => ({ case: "principal", value }) as const;
const email = (value: string) => ({ case: "email", value }) as const;
const admin = () => as(platform.adminToken);

async function listed(place: Place, narrower = false, by = owner) {
  const { bindings } = await world.access.listRoleBindings({ ...place, narrower }, by);
  return bindings.map(({ principal: id, email: mail, roleName }) => `${id || mail} ${roleName}`);
}

describe("the list", () => {
  it("has memberships, bindings and invitations of the scope, and of narrower ones [pds.get-iam, pds.list-user-account-role-bindings]", async () => {
    const { tenant: login, project } = tenant;
    const bot = await world.bot(tenant);
    const custom = await world.role(tenant, ScopeKind.PROJECT, "api.v1.ClusterService.List");
    const bind = (place: Place, role: string, holder: ReturnType<typeof principal> | ReturnType<typeof email>) =>
      world.access.setRoleBinding({ ...place, role, holder }, owner);
    await bind({ login }, "viewer", principal(bot));
    await bind({ login }, "guest", email("Waits@Example.org"));
    await bind({ project }, custom, principal(bot));
    await bind({ project }, "editor", principal(bot));
    await bind({ project, environment: part }, "owner", principal(bot));
    await bind({ project, deployment: part }, "viewer", email("waits@example.org"));
    const inTenant = [`${bot} viewer`, `${login} owner`].toSorted();
    const inProject = [
      `${bot} ${(await world.access.getRole({ login, id: custom }, owner)).role?.name}`,
      `${bot} editor`,
    ];
    const inParts = [`${bot} owner`, "waits@example.org viewer"];
    expect(await listed({ login })).toEqual([...inTenant, "waits@example.org guest"]);
    expect((await listed({ project })).toSorted()).toEqual(inProject.toSorted());
    const narrower = await listed({ login }, true);
    expect(narrower.slice(0, 3)).toEqual([...inTenant, "waits@example.org guest"]);
    expect(narrower.slice(3, 5).toSorted()).toEqual(inProject.toSorted());
    expect(narrower.slice(5)).toEqual(inParts);
    expect(await listed({ project }, true)).toEqual([...narrower.slice(3)]);
    expect(await listed({ project, environment: part }, true)).toEqual([inParts[0]]);
    const everything = await world.access.listRoleBindings({ narrower: true, principal: bot }, admin());
    expect(everything.bindings).toHaveLength(4);
    const own = { login, narrower: true, principal: bot };
    expect((await world.access.listRoleBindings(own, as(tenant.tokens.viewer))).bindings).toEqual(everything.bindings);
  });

  it("has what waits apart from what holds [pds.list-account-role-invitations]", async () => {
    const { tenant: login } = tenant;
    await world.access.setRoleBinding({ login, role: "viewer", holder: email("one@example.org") }, owner);
    const of = async (state: RoleBindingState) =>
      (await world.access.listRoleBindings({ login, state }, owner)).bindings;
    expect(await of(RoleBindingState.PENDING)).toMatchObject([
      {
        login,
        principal: "",
        email: "one@example.org",
        role: "viewer",
        state: RoleBindingState.PENDING,
        createdBy: login,
      },
    ]);
    expect(await of(RoleBindingState.ACTIVE)).toMatchObject([{ principal: login, email: "", createdBy: "" }]);
    expect(await of(RoleBindingState.UNSPECIFIED)).toHaveLength(2);
  });

  it("comes in pages that miss nothing and repeat nothing", async () => {
    const { tenant: login } = tenant;
    for (let i = 0; i < 5; i += 1) {
      await world.access.setRoleBinding({ login, role: "viewer", holder: email(`p${i}@example.org`) }, owner);
    }
    const seen: string[] = [];
    let page: bigint | undefined = 0n;
    while (page !== undefined) {
      const answer: Awaited<ReturnType<typeof world.access.listRoleBindings>> = await world.access.listRoleBindings(
        { login, paging: { page, count: 4n } },
        owner,
      );
      expect(answer.bindings.length).toBeLessThanOrEqual(4);
      seen.push(...answer.bindings.map((each) => each.email || each.principal));
      page = answer.nextPage;
    }
    expect(seen).toEqual([login, ...[0, 1, 2, 3, 4].map((i) => `p${i}@example.org`)]);
    const beyond = world.access.listRoleBindings({ login, paging: { count: 1_001n } }, owner);
    expect(await refusal(beyond)).toMatchObject({ code: "InvalidArgument", fields: ["paging.count"] });
  });

  it("is for members, and for those of the very project or environment", async () => {
    const other = await platform.newTenant();
    for (const place of [{ login: tenant.tenant }, { project: tenant.project }, {}]) {
      expect(await codeOf(world.access.listRoleBindings(place, as(other.tokens.owner)))).toBe("PermissionDenied");
    }
    const bot = await world.bot(tenant);
    const key = as(await world.apiKey(bot));
    const environment = { project: tenant.project, environment: part };
    await world.access.setRoleBinding({ ...environment, role: "viewer", holder: principal(bot) }, owner);
    expect(await listed(environment, true, key)).toEqual([`${bot} viewer`]);
    expect(await codeOf(world.access.listRoleBindings({ project: tenant.project }, key))).toBe("PermissionDenied");
    expect(await codeOf(world.access.listRoleBindings({ login: tenant.tenant }, key))).toBe("PermissionDenied");
  });
});
