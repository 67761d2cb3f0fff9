import { ProjectRole, TenantRole } from "../../../gen/ts/api/v1/common_pb.js";
import type { Accounts } from "./accounts.js";
import type { Gives, Holds, Options } from "./oracle.js";
import { holder, type Principal } from "./principal.js";
import type { World } from "./world.js";

const all: Gives = () => true;

/** Holders of custom roles, and of roles in an environment or deployment alone. */
export async function customRoleHolders(accounts: Accounts, world: World): Promise<Principal[]> {
  return [
    ...(await atTenant(accounts, world)),
    ...(await atProject(accounts, world)),
    ...(await insideProject(accounts, world)),
    await namesake(accounts, world),
  ];
}

/** What a custom role at a tenant gives: the same in all of its projects. */
const inTenant = ({ own, sibling }: World, gives: Gives): Holds => ({
  customInTenants: { [own.tenant]: gives },
  customInProjects: { [own.project]: gives, [sibling]: gives },
});

async function atTenant(accounts: Accounts, world: World): Promise<Principal[]> {
  const { tenant, project } = world.own;
  const full = await accounts.user("custom-tenant");
  await accounts.custom(tenant, { tenant }, full, ["*"]);
  const some = await accounts.user("custom-tenant-some");
  await accounts.custom(tenant, { tenant }, some, ["iam.v1", "api.v1.IPService.List"]);
  const someMethods: Gives = ({ path }) => path.startsWith("/iam.v1.") || path === "/api.v1.IPService/List";
  const viewing = { projectRoles: { "*": "viewer" } } as const;
  const isViewers = ({ projectRoles }: Options) => projectRoles.includes(ProjectRole.VIEWER);
  const permissions = (path: string) => ({ permissions: { [project]: [path], [tenant]: [path] } });
  return [
    holder("custom role of all at the tenant", full, () => accounts.console(full), inTenant(world, all)),
    holder("custom role of some at the tenant", some, () => accounts.console(some), inTenant(world, someMethods)),
    holder("custom role of all at the tenant, as a viewer of projects", full, () => accounts.token(full, viewing), {
      customInProjects: { [project]: isViewers, [world.sibling]: isViewers },
    }),
    {
      ...holder(
        "custom role of all at the tenant, single permission",
        full,
        (path) => accounts.token(full, permissions(path)),
        {},
      ),
      permits: [project, tenant],
      owner: inTenant(world, all),
    },
  ];
}

async function atProject(accounts: Accounts, { own: { tenant, project } }: World): Promise<Principal[]> {
  const full = await accounts.user("custom-project");
  await accounts.custom(tenant, { project }, full, ["*"]);
  const some = await accounts.user("custom-project-some");
  await accounts.custom(tenant, { project }, some, ["api.v1.ClusterService"]);
  const clusters: Gives = ({ path }) => path.startsWith("/api.v1.ClusterService/");
  return [
    holder("custom role of all at the project", full, () => accounts.console(full), {
      customInProjects: { [project]: all },
    }),
    holder("custom role of some at the project", some, () => accounts.console(some), {
      customInProjects: { [project]: clusters },
    }),
  ];
}

async function insideProject(accounts: Accounts, { own: { project }, environment }: World): Promise<Principal[]> {
  const made: Principal[] = [];
  for (const scope of ["environment", "deployment"] as const) {
    const user = await accounts.user(`${scope}-owner`);
    await accounts.inside(scope, project, environment, user);
    const holds = { inside: { [`${scope} ${project}/${environment}`]: ProjectRole.OWNER } };
    made.push(holder(`${scope} owner`, user, () => accounts.console(user), holds));
  }
  return made;
}

/** Who owns a tenant that bears the uuid of the own project as its login: that is worth nothing in the project. */
async function namesake(accounts: Accounts, { own: { project } }: World): Promise<Principal> {
  const user = await accounts.user("namesake");
  await accounts.tenant(project, user);
  await accounts.custom(project, { tenant: project }, user, ["*"]);
  return holder("owner of a tenant named like the project", user, () => accounts.console(user), {
    tenants: { [project]: TenantRole.OWNER },
    customInTenants: { [project]: all },
  });
}
