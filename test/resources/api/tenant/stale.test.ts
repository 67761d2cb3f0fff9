import { afterAll, beforeAll, expect, it } from "vitest";
import { ProjectRole, TenantRole } from "../../../../gen/ts/api/v1/common_pb.js";
import { PrincipalKind, PrincipalService } from "../../../../gen/ts/iam/v1/principal_pb.js";
import { leaveTenant } from "../../../../src/resources/api/member/leave.js";
import { memberStore } from "../../../../src/resources/api/member/store.js";
import { startPlatform, type TestPlatform } from "../../../support/platform.js";
import { peopleOf } from "../../support/people.js";
import { codeOf } from "../../support/refusals.js";

let platform: TestPlatform;
let people: ReturnType<typeof peopleOf>;
beforeAll(async () => {
  platform = await startPlatform({ background: false, env: { SLIPWAY_MAX_FEED_SILENCE_SECONDS: "300" } });
  people = peopleOf(platform);
  // From now on nobody tells the server that what it knows of its callers has changed.
  await platform.platform.feed.close();
});
afterAll(() => platform.close());

it("an owner who was removed gives nobody anything at a server that has not heard of it", async () => {
  const [ada, mallory, friend] = [await people.person(), await people.person(), await people.person()];
  const { db, clock } = platform.platform;
  const { tenant, project } = await people.organization(ada);
  const join = (member: string, role: "owner" | "viewer") =>
    memberStore.setTenantRole(db, { tenant, member, role, now: clock() });
  await join(mallory.login, "owner");
  await join(friend.login, "viewer");
  await memberStore.setProjectRole(db, { project, member: friend.login, role: "viewer", now: clock() });
  const principals = platform.client(PrincipalService);
  const team = await principals.create({ login: tenant, kind: PrincipalKind.TEAM, name: "owners" }, mallory.me);
  const id = team.principal?.id ?? "";
  await join(id, "owner");
  await leaveTenant(db, { tenant, member: mallory.login });
  const memberId = friend.login;
  const attempts = [
    people.tenants.updateMember({ login: tenant, memberId, role: TenantRole.OWNER }, mallory.me),
    people.projects.updateMember({ project, memberId, role: ProjectRole.OWNER }, mallory.me),
    people.tenants.invite({ login: tenant, role: TenantRole.OWNER }, mallory.me),
    people.projects.invite({ project, role: ProjectRole.OWNER }, mallory.me),
    principals.update({ login: tenant, id, addMembers: [memberId] }, mallory.me),
  ];
  const codes = await Promise.all(attempts.map(codeOf));
  expect(codes).toEqual(attempts.map(() => "PermissionDenied"));
});
