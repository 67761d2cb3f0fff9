import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AdminRole, ProjectRole, TenantRole } from "../../gen/ts/api/v1/common_pb.js";
import { ScopeKind } from "../../gen/ts/iam/v1/access_pb.js";
import { CredentialKind } from "../../gen/ts/iam/v1/credential_pb.js";
import { PrincipalKind } from "../../gen/ts/iam/v1/principal_pb.js";
import { postTo } from "../resources/support/raw.js";
import { codeOf } from "../resources/support/refusals.js";
import { as, startPlatform, type TestPlatform } from "../support/platform.js";
import { type As, type Attackers, idOf, makeAttackers, prepare, type User } from "./authorization-matrix/attackers.js";

let platform: TestPlatform;
let a: Attackers;
let before: unknown;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  a = await makeAttackers(platform);
  before = await a.rights();
});
afterAll(() => platform.close());

/** What is tried, and with which code it is refused: PermissionDenied unless told. */
type Attempt = readonly [what: string, call: () => Promise<unknown>, code?: string];

const ofTenant = () => ({ login: platform.tenant });
const ofProject = () => ({ project: platform.project });

const byTokens: Attempt[] = [
  ["a role", () => a.raise("editor", { tenantRoles: { [platform.tenant]: TenantRole.EDITOR } })],
  ["a role in projects", () => a.raise("editor", { projectRoles: { "*": ProjectRole.VIEWER } })],
  ["the admin role", () => a.raise("editor", { adminRole: AdminRole.VIEWER })],
  ["its operator's admin role", () => a.raise("operator", { adminRole: AdminRole.VIEWER })],
  [
    "a method",
    () => a.raise("editor", { permissions: [{ subject: platform.project, methods: ["/api.v1.IPService/List"] }] }),
  ],
  [
    "another's token",
    async () =>
      a.tokens.update({ uuid: idOf(await a.accounts.token(platform.tenant, {})), description: "mine" }, a.by("editor")),
    "NotFound",
  ],
  [
    "a console token that is an admin's",
    () => a.tokens.update({ uuid: idOf(a.secretOf("operator")), adminRole: AdminRole.VIEWER }, a.by("operator")),
  ],
];

const bind = async (scope: object, holder: string, role: string, caller: As | Promise<As>) =>
  a.access.setRoleBinding({ ...scope, holder: { case: "principal", value: holder }, role }, await caller);

const byBindings: Attempt[] = [
  ["an editor, owner", () => bind(ofTenant(), "editor", "owner", a.by("editor"))],
  ["an editor, owner of the project", () => bind(ofProject(), "editor", "owner", a.by("editor"))],
  ["a project's owner, owner of its tenant", () => bind(ofTenant(), "project-owner", "owner", a.by("project-owner"))],
  [
    "a project's owner, by naming both",
    () => bind({ ...ofTenant(), ...ofProject() }, "project-owner", "owner", a.by("project-owner")),
    "InvalidArgument",
  ],
  ["another tenant's owner", () => bind(ofTenant(), "stranger", "owner", a.by("stranger"))],
  [
    "another tenant's owner, by naming the own tenant too",
    () => bind({ login: a.other.tenant, ...ofProject() }, "stranger", "owner", a.by("stranger")),
  ],
  ["an owner, admin", async () => bind({}, platform.tenant, "editor", a.owner())],
  ["an operator for viewing, editor", () => bind({}, "operator", "editor", a.operating())],
  ["the holder of a custom role, owner", () => bind(ofTenant(), "holder", "owner", a.by("holder"))],
  ["the holder of a custom role, guest", () => bind(ofTenant(), "holder", "guest", a.by("holder"))],
  [
    "a token for this alone, its owner's role",
    () => bind(ofTenant(), "viewer", "owner", a.onlyFor("/iam.v1.AccessService/SetRoleBinding")),
  ],
  [
    "the holder of a custom role, one that gives more",
    async () => {
      const asked = { ...ofTenant(), name: "more", scope: ScopeKind.TENANT, permissions: ["*"] };
      const { role } = await prepare(a.access.createRole(asked, a.by("holder")));
      await bind(ofTenant(), "holder", role?.id ?? "", a.by("holder"));
    },
  ],
  [
    "the holder of a custom role, more by that role",
    () => a.access.updateRole({ ...ofTenant(), id: a.role, addPermissions: ["api.v1.ClusterService"] }, a.by("holder")),
  ],
  [
    "another tenant's owner, more by a role of the tenant",
    () => a.access.updateRole({ login: a.other.tenant, id: a.role, addPermissions: ["*"] }, a.by("stranger")),
    "NotFound",
  ],
];

const { OWNER } = TenantRole;
const byMembership: Attempt[] = [
  [
    "an editor, the own role in the tenant",
    () => a.tenants.updateMember({ ...ofTenant(), memberId: "editor", role: OWNER }, a.by("editor")),
  ],
  [
    "an editor, the own role in the project",
    () =>
      a.projects.updateMember(
        { project: platform.project, memberId: "editor", role: ProjectRole.OWNER },
        a.by("editor"),
      ),
  ],
  [
    "the holder of a custom role, a member's role",
    () => a.tenants.updateMember({ ...ofTenant(), memberId: "viewer", role: OWNER }, a.by("holder")),
  ],
  [
    "a token for viewing, its owner's invitation",
    async () => a.tenants.invite({ ...ofTenant(), role: OWNER }, await a.viewing()),
  ],
  [
    "a token for this alone, an invitation as owner",
    async () => a.tenants.invite({ ...ofTenant(), role: OWNER }, await a.onlyFor("/api.v1.TenantService/Invite")),
  ],
  [
    "a token for this alone, an invitation into the project",
    async () =>
      a.projects.invite(
        { project: platform.project, role: ProjectRole.VIEWER },
        await a.onlyFor("/api.v1.ProjectService/Invite"),
      ),
  ],
  [
    "the holder of a custom role, an invitation as guest",
    () => a.tenants.invite({ ...ofTenant(), role: TenantRole.GUEST }, a.by("holder")),
  ],
  [
    "an owner, the own invitation",
    async () => {
      const { invite } = await prepare(a.tenants.invite({ ...ofTenant(), role: OWNER }, await a.owner()));
      await a.tenants.inviteAccept({ secret: invite?.secret ?? "" }, await a.owner());
    },
    "InvalidArgument",
  ],
  [
    "a stranger, a project's invitation for the tenant",
    async () => {
      const asked = { project: platform.project, role: ProjectRole.OWNER };
      const { invite } = await prepare(a.projects.invite(asked, await a.owner()));
      await a.tenants.inviteAccept({ secret: invite?.secret ?? "" }, a.by("stranger"));
    },
    "NotFound",
  ],
  [
    "a stranger, the invitation of one who was put out",
    async () => {
      const leaver = await a.accounts.user("leaver");
      await a.accounts.inTenant(platform.tenant, leaver, "owner");
      const maker = as(await a.accounts.console(leaver));
      const { invite } = await prepare(a.tenants.invite({ ...ofTenant(), role: OWNER }, maker));
      await prepare(a.tenants.removeMember({ ...ofTenant(), memberId: leaver }, await a.owner()));
      await a.tenants.inviteAccept({ secret: invite?.secret ?? "" }, a.by("stranger"));
    },
    "NotFound",
  ],
  [
    "an editor, a place in a team of owners",
    () => a.principals.update({ ...ofTenant(), id: a.team, addMembers: ["editor"] }, a.by("editor")),
  ],
  [
    "the holder of a custom role, a place in a team of owners",
    () => a.principals.update({ ...ofTenant(), id: a.team, addMembers: ["holder"] }, a.by("holder")),
    "NotFound",
  ],
  [
    "a stranger, a place in a team of the tenant",
    () => a.principals.update({ login: a.other.tenant, id: a.team, addMembers: ["stranger"] }, a.by("stranger")),
    "NotFound",
  ],
];

const { API_KEY, CLIENT_SECRET } = CredentialKind;
const key = async (principal: string, kind: CredentialKind, caller: As) =>
  a.credentials.create({ ...ofTenant(), principal, kind, name: "key" }, caller);
const byAccounts: Attempt[] = [
  ["an editor, a key of a bot", () => key(a.bot, API_KEY, a.by("editor"))],
  ["a custom role's holder, a key of an owners' bot", () => key(a.bot, API_KEY, a.by("holder"))],
  ["a custom role's holder, a secret of an owners' bot", () => key(a.bot, CLIENT_SECRET, a.by("holder"))],
  ["an owner, a key of a member", async () => key("viewer", API_KEY, await a.owner()), "NotFound"],
  [
    "a token for this alone, a key of its owner",
    async () => key(platform.tenant, API_KEY, await a.onlyFor("/iam.v1.CredentialService/Create")),
  ],
  [
    "a stranger, a key of a bot through the own tenant",
    () =>
      a.credentials.create({ login: a.other.tenant, principal: a.bot, kind: API_KEY, name: "key" }, a.by("stranger")),
    "NotFound",
  ],
  [
    "a user, the admin role",
    async () =>
      a.principals.update({ ...ofTenant(), id: platform.tenant, adminRole: AdminRole.EDITOR }, await a.owner()),
  ],
  [
    "an operator for viewing, the admin role",
    async () => a.principals.update({ id: "operator", adminRole: AdminRole.EDITOR }, await a.operating()),
  ],
  [
    "an owner, another user",
    async () => a.principals.create({ kind: PrincipalKind.USER, name: "puppet" }, await a.owner()),
  ],
  [
    "an operator for viewing, the reset of a password",
    async () => a.principals.createPasswordReset({ id: "root" }, await a.operating()),
  ],
  [
    "a stranger, a tenant that bears a taken login",
    () => a.tenants.create({ tenant: { login: platform.tenant }, description: "mine" } as never, a.by("stranger")),
    "AlreadyExists",
  ],
  [
    "an admin, a tenant as it pleases",
    () => a.tenants.createOrUpdate({ tenant: { login: a.other.tenant, admitted: true } }, as(platform.adminToken)),
  ],
];

describe.each([
  ["a token does not give itself", byTokens],
  ["a role binding does not make of", byBindings],
  ["nobody changes memberships who may not:", byMembership],
  ["nobody gets accounts who may not:", byAccounts],
])("%s", (_, attempts) => {
  const cases = attempts.map(([what, call, code = "PermissionDenied"]) => [what, code, call] as const);

  it.each(cases)("%s: %s", async (_, code, call) => {
    expect(await codeOf(call())).toBe(code);
    expect(await a.rights()).toEqual(before);
  });
});

describe("fields that a method does not have", () => {
  const post = (path: string, body: object, user: User) =>
    postTo(platform, path, "application/json", JSON.stringify(body), a.secretOf(user));

  it("move no project", async () => {
    const body = { project: platform.project, name: "moved", login: a.other.tenant, tenant: a.other.tenant };
    expect((await post("/api.v1.ProjectService/Update", body, "stranger")).code).toBe("permission_denied");
    await post("/api.v1.ProjectService/Update", body, "project-owner");
    const { project } = await a.projects.get({ project: platform.project }, await a.owner());
    expect(project?.tenant).toBe(platform.tenant);
  });

  it("make nobody an owner, and admit no tenant", async () => {
    const admitted = async () => (await a.tenants.get({ login: platform.tenant }, await a.owner())).tenant?.admitted;
    const was = await admitted();
    const body = { ...ofTenant(), admitted: !was, createdBy: "editor", members: ["editor"], role: "OWNER" };
    await post("/api.v1.TenantService/Update", body, "editor");
    expect(await admitted()).toBe(was);
    expect(await a.rights()).toEqual(before);
  });

  it("of a request that names its subject twice, the last counts for all", async () => {
    const field = (uuid: string) => Buffer.concat([Buffer.from([0x0a, uuid.length]), Buffer.from(uuid)]);
    const [own, foreign] = [field(a.other.project), field(platform.project)];
    const call = async (...parts: Buffer[]) =>
      postTo(platform, "/api.v1.ProjectService/Get", "application/proto", Buffer.concat(parts), a.secretOf("stranger"));
    expect((await call(own)).status).toBe(200);
    expect((await call(own, foreign)).code).toBe("permission_denied");
    expect((await call(foreign, own)).status).toBe(200);
  });
});

describe("those who may", () => {
  const gifts: (readonly [what: string, call: () => Promise<unknown>])[] = [
    ["bind a role", async () => bind(ofTenant(), "viewer", "editor", a.owner())],
    ["make an admin", () => bind({}, "stranger", "viewer", as(platform.adminToken))],
    ["invite an owner", async () => a.tenants.invite({ ...ofTenant(), role: OWNER }, await a.owner())],
    [
      "change a member's role",
      async () => a.tenants.updateMember({ ...ofTenant(), memberId: "editor", role: OWNER }, await a.owner()),
    ],
    [
      "fill a team",
      async () => a.principals.update({ ...ofTenant(), id: a.team, addMembers: ["viewer"] }, await a.owner()),
    ],
    ["make a bot's key", async () => key(a.bot, API_KEY, await a.owner())],
    [
      "widen a role",
      async () =>
        a.access.updateRole({ ...ofTenant(), id: a.role, addPermissions: ["api.v1.ClusterService"] }, await a.owner()),
    ],
  ];

  it.each(gifts)("%s by the same requests", async (_, call) => {
    expect(await codeOf(call())).toBe("OK");
  });
});
