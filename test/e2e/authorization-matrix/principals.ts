import { eq } from "drizzle-orm";
import { AdminRole, ProjectRole, TenantRole } from "../../../gen/ts/api/v1/common_pb.js";
import { newSecret } from "../../../src/auth/secrets.js";
import { tokens } from "../../../src/resources/api/token/table.js";
import { principals } from "../../../src/resources/iam/principal/table.js";
import type { TestPlatform } from "../../support/platform.js";
import { type Accounts, accountsOf } from "./accounts.js";
import { customRoleHolders } from "./custom-roles.js";
import type { Holds } from "./oracle.js";
import { holder, type Mint, type Principal } from "./principal.js";
import type { World } from "./world.js";

const everywhere = { projectRoles: { "*": "owner" }, tenantRoles: { "*": "owner" } } as const;

/** All kinds of callers, and what each holds. */
export async function makePrincipals(platform: TestPlatform, world: World): Promise<Principal[]> {
  const accounts = accountsOf(platform);
  return [
    ...(await nobodies(platform, accounts, world)),
    ...(await tenantMembers(accounts, world)),
    ...(await projectMembers(accounts, world)),
    ...(await admins(accounts)),
    ...(await narrowTokens(accounts, world)),
    ...(await botsAndTeams(accounts, world)),
    ...(await customRoleHolders(accounts, world)),
  ];
}

/** What a role in the own tenant gives: the same role in all of its projects. */
const ofTenant = ({ own, sibling }: World, tenant: TenantRole, project: ProjectRole): Holds => ({
  tenants: { [own.tenant]: tenant },
  projects: { [own.project]: project, [sibling]: project },
});

/** What a role in the own project gives: that, and a guest's view of its tenant. */
const ofProject = ({ own }: World, role: ProjectRole): Holds => ({
  tenants: { [own.tenant]: TenantRole.GUEST },
  projects: { [own.project]: role },
});

/** Those who have no token, or one that does not hold, although its owner might do everything. */
async function nobodies({ platform }: TestPlatform, accounts: Accounts, { own }: World): Promise<Principal[]> {
  const { db, clock, newId } = platform;
  const owner = async (id: string): Promise<string> => {
    const user = await accounts.user(id, "editor");
    await accounts.inTenant(own.tenant, user, "owner");
    return user;
  };
  const nobody = (name: string, proof: "none" | "bad", header: () => Promise<string | undefined>): Principal => ({
    ...{ name, proof, header, user: undefined, holds: {}, permits: [], owner: {} },
  });
  const bad = (name: string, mint: () => Promise<string>) => nobody(name, "bad", async () => `Bearer ${await mint()}`);
  const live = await owner("has-bad-tokens");
  const revoked = await accounts.console(live);
  await db.update(tokens).set({ revokedAt: clock() }).where(eq(tokens.owner, live));
  const disabled = await owner("is-disabled");
  await db.update(principals).set({ enabled: false }).where(eq(principals.id, disabled));
  const admin = { ...everywhere, adminRole: "editor" } as const;
  const bot = await accounts.made("bot", own.tenant);
  await accounts.inTenant(own.tenant, bot, "owner");
  return [
    nobody("anonymous", "none", async () => undefined),
    nobody("bare Bearer", "none", async () => "Bearer"),
    bad("expired token", () => accounts.expired(live)),
    bad("revoked token", async () => revoked),
    bad("garbage", async () => "garbage"),
    nobody("another scheme", "bad", async () => `Basic ${await accounts.console(live)}`),
    bad("tampered token", async () => tampered(await accounts.token(live, admin))),
    bad("disabled user", () => accounts.token(disabled, admin)),
    bad("disabled API key", () => accounts.apiKey(bot, false)),
    bad("unknown API key", async () => newSecret("apiKey", newId()).secret),
  ];
}

/** The same token for another user, with the old signature. */
function tampered(jwt: string): string {
  const [head, body = "", signature] = jwt.split(".");
  const claims = { ...JSON.parse(Buffer.from(body, "base64url").toString()), sub: "root" };
  return [head, Buffer.from(JSON.stringify(claims)).toString("base64url"), signature].join(".");
}

async function tenantMembers(accounts: Accounts, world: World): Promise<Principal[]> {
  const { own, foreign, sibling } = world;
  const made: Principal[] = [];
  for (const [role, tenant, project] of [
    ["owner", TenantRole.OWNER, ProjectRole.OWNER],
    ["editor", TenantRole.EDITOR, ProjectRole.EDITOR],
    ["viewer", TenantRole.VIEWER, ProjectRole.VIEWER],
  ] as const) {
    const user = await accounts.user(`tenant-${role}`);
    await accounts.inTenant(own.tenant, user, role);
    const holds = ofTenant(world, tenant, project);
    // The token asks for all that there is, and gets what its owner has.
    const token = () => accounts.token(user, { ...everywhere, adminRole: "editor" });
    made.push(holder(`tenant ${role}, console`, user, () => accounts.console(user), holds));
    made.push(holder(`tenant ${role}, API token`, user, token, holds));
  }
  const guest = await accounts.user("tenant-guest");
  await accounts.inTenant(own.tenant, guest, "guest");
  const asGuest = { tenants: { [own.tenant]: TenantRole.GUEST } };
  made.push(holder("tenant guest", guest, () => accounts.console(guest), asGuest));
  const stranger = await accounts.user("stranger");
  const asking = {
    projectRoles: { [own.project]: "owner", [sibling]: "owner" },
    tenantRoles: { [own.tenant]: "owner" },
  };
  const asked = () => accounts.token(stranger, asking as never);
  made.push(holder("stranger, API token that names the own tenant", stranger, asked, {}));
  const other = {
    tenants: { [foreign.tenant]: TenantRole.OWNER },
    projects: { [foreign.project]: ProjectRole.OWNER },
  };
  made.push(holder("other tenant's owner", foreign.tenant, () => accounts.console(foreign.tenant), other));
  return made;
}

async function projectMembers(accounts: Accounts, world: World): Promise<Principal[]> {
  const { own } = world;
  const made: Principal[] = [];
  for (const [role, project] of [
    ["owner", ProjectRole.OWNER],
    ["editor", ProjectRole.EDITOR],
    ["viewer", ProjectRole.VIEWER],
  ] as const) {
    const user = await accounts.user(`project-${role}`);
    await accounts.inProject(own.project, user, role);
    made.push(holder(`project ${role}`, user, () => accounts.console(user), ofProject(world, project)));
  }
  return made;
}

async function admins(accounts: Accounts): Promise<Principal[]> {
  const viewer = await accounts.user("admin-viewer", "viewer");
  const editor = await accounts.user("admin-editor", "editor");
  const token = (user: string, adminRole: "viewer" | "editor") => () => accounts.token(user, { adminRole });
  const asViewer = { admin: AdminRole.VIEWER };
  return [
    holder("admin viewer", viewer, token(viewer, "viewer"), asViewer),
    holder("admin viewer, token that asks for editor", viewer, token(viewer, "editor"), asViewer),
    holder("admin editor", editor, token(editor, "editor"), { admin: AdminRole.EDITOR }),
    holder("admin editor, token for viewing", editor, token(editor, "viewer"), asViewer),
    holder("admin editor, console", editor, () => accounts.console(editor), {}),
    holder("admin editor, API key", editor, () => accounts.apiKey(editor), {}),
  ];
}

/** API tokens of members that carry less than their owner has. */
async function narrowTokens(accounts: Accounts, world: World): Promise<Principal[]> {
  const { own, sibling } = world;
  const { tenant, project } = own;
  const single = (name: string, user: string, on: readonly string[], permits: readonly string[], owner: Holds) => {
    const mint: Mint = (path) =>
      accounts.token(user, { permissions: Object.fromEntries(on.map((subject) => [subject, [path]])) });
    return { ...holder(name, user, mint, {}), permits, owner };
  };
  const owner = ofTenant(world, TenantRole.OWNER, ProjectRole.OWNER);
  const viewer = ofTenant(world, TenantRole.VIEWER, ProjectRole.VIEWER);
  const inOne = { projectRoles: { [project]: "editor" } } as const;
  const asGuest = { tenantRoles: { "*": "guest" } } as const;
  const inTenantOnly = { tenantRoles: { [tenant]: "owner" } } as const;
  const otherMethod = { permissions: { "*": ["/api.v1.VersionService/Get"] } };
  return [
    single("tenant owner, single permission", "tenant-owner", [project, tenant], [project, tenant], owner),
    single("tenant viewer, single permission on *", "tenant-viewer", ["*"], [project, sibling, tenant], viewer),
    holder("tenant owner, one project", "tenant-owner", () => accounts.token("tenant-owner", inOne), {
      projects: { [project]: ProjectRole.EDITOR },
    }),
    holder("tenant owner, tenant only", "tenant-owner", () => accounts.token("tenant-owner", inTenantOnly), {
      tenants: { [tenant]: TenantRole.OWNER },
    }),
    holder("tenant owner, as guest", "tenant-owner", () => accounts.token("tenant-owner", asGuest), {
      tenants: { [tenant]: TenantRole.GUEST },
    }),
    holder("tenant owner, another method", "tenant-owner", () => accounts.token("tenant-owner", otherMethod), {}),
    holder("tenant owner, empty token", "tenant-owner", () => accounts.token("tenant-owner", {}), {}),
  ];
}

async function botsAndTeams(accounts: Accounts, world: World): Promise<Principal[]> {
  const { own } = world;
  const bot = await accounts.made("bot", own.tenant);
  await accounts.inTenant(own.tenant, bot, "editor");
  const member = async (role: "owner" | "viewer", where: "tenant" | "project", enabled = true): Promise<string> => {
    const user = await accounts.user(`team-${where}-${role}-${enabled}`);
    const team = await accounts.made("team", own.tenant, enabled);
    await accounts.join(team, user);
    if (where === "tenant") await accounts.inTenant(own.tenant, team, role);
    else await accounts.inProject(own.project, team, role);
    return user;
  };
  const viewer = await member("viewer", "tenant");
  const owner = await member("owner", "project");
  const formerly = await member("owner", "tenant", false);
  const editing = ofTenant(world, TenantRole.EDITOR, ProjectRole.EDITOR);
  const viewing = ofTenant(world, TenantRole.VIEWER, ProjectRole.VIEWER);
  return [
    holder("bot, API key", bot, () => accounts.apiKey(bot), editing),
    holder("tenant viewer by team", viewer, () => accounts.console(viewer), viewing),
    holder("project owner by team", owner, () => accounts.console(owner), ofProject(world, ProjectRole.OWNER)),
    holder("member of a disabled team", formerly, () => accounts.console(formerly), {}),
  ];
}
