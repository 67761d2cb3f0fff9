import type { Command } from "commander";
import type { ProjectInviteSchema } from "../../gen/ts/api/v1/project_pb.js";
import type { TenantInviteSchema } from "../../gen/ts/api/v1/tenant_pb.js";
import { confirmed } from "../confirmed.js";
import { setsFields } from "../fields.js";
import type { Kind } from "../output.js";
import { readSecret } from "../prompt.js";
import { wordOf } from "../resources/enums.js";
import { examples } from "../resources/examples.js";
import { lazy } from "../resources/lazy.js";
import { roleOf, roleOption } from "../resources/roles.js";
import type { TenantFlag } from "../resources/tenant-flag.js";
import { isoOf } from "../resources/times.js";
import { run } from "../run.js";
import type { Session } from "../session.js";

const ofProject = lazy(() => import("../../gen/ts/api/v1/project_pb.js"));
const ofTenant = lazy(() => import("../../gen/ts/api/v1/tenant_pb.js"));
const common = lazy(() => import("../../gen/ts/api/v1/common_pb.js"));
const projects = async (session: Session) => session.client((await ofProject()).ProjectService);
const tenants = async (session: Session) => session.client((await ofTenant()).TenantService);

const projectKind: Kind<typeof ProjectInviteSchema> = {
  schema: async () => (await ofProject()).ProjectInviteSchema,
  name: ({ secret }) => secret,
  columns: [
    { header: "SECRET", value: ({ secret }) => secret },
    { header: "ROLE", value: ({ role }) => wordOf(common.now().ProjectRole, role).toLowerCase() },
    { header: "PROJECT", value: ({ tenant, projectName }) => `${tenant}/${projectName}` },
    { header: "EXPIRES", value: ({ expiresAt }) => isoOf(expiresAt) },
    { header: "JOINED", value: ({ joined }) => (joined ? "yes" : "no"), wide: true },
  ],
};

const tenantKind: Kind<typeof TenantInviteSchema> = {
  schema: async () => (await ofTenant()).TenantInviteSchema,
  name: ({ secret }) => secret,
  columns: [
    { header: "SECRET", value: ({ secret }) => secret },
    { header: "ROLE", value: ({ role }) => wordOf(common.now().TenantRole, role).toLowerCase() },
    { header: "TENANT", value: ({ targetTenant }) => targetTenant },
    { header: "EXPIRES", value: ({ expiresAt }) => isoOf(expiresAt) },
    { header: "INVITED-BY", value: ({ tenant }) => tenant, wide: true },
    { header: "JOINED", value: ({ joined }) => (joined ? "yes" : "no"), wide: true },
  ],
};

const tenantFlag = ["--tenant <login>", "into this tenant; into the chosen project unless told"] as const;
const secretArgument = ["[secret]", "the secret of the invitation; read from standard input unless given"] as const;

type InviteFlags = TenantFlag & { readonly role: string };
type DeleteFlags = TenantFlag & { readonly yes?: boolean };

/** `slipway invite`: invitations into a project or tenant. */
export function inviteCommands(group: Command): void {
  group
    .command("list")
    .alias("ls")
    .description("list the open invitations into the project, or into --tenant")
    .option(...tenantFlag)
    .action(run(listInvites));
  const create = group
    .command("create")
    .description("make an invitation for one use; whoever has its secret may accept it")
    .addOption(roleOption("the role that it gives").makeOptionMandatory())
    .option(...tenantFlag)
    .action(run(createInvite));
  setsFields(create, { login: "--tenant" });
  examples(create, "slipway invite create --role editor -o name", "slipway invite create --role viewer --tenant acme");
  group
    .command("get")
    .description("show an invitation that you were sent")
    .argument(...secretArgument)
    .option("--tenant", "it leads into a tenant")
    .action(run(getInvite));
  const accept = group
    .command("accept")
    .description("accept an invitation")
    .argument(...secretArgument)
    .option("--tenant", "it leads into a tenant")
    .action(run(acceptInvite));
  examples(accept, "slipway invite accept < invitation.txt");
  group
    .command("delete")
    .description("withdraw an invitation")
    .argument(...secretArgument)
    .option(...tenantFlag)
    .option("-y, --yes", "do not ask")
    .action(run(deleteInvite));
}

async function listInvites(session: Session, { tenant }: TenantFlag): Promise<void> {
  await common();
  if (tenant !== undefined) {
    return await session.out.list(tenantKind, (await (await tenants(session)).invitesList({ login: tenant })).invites);
  }
  const project = await session.project();
  await session.out.list(projectKind, (await (await projects(session)).invitesList({ project })).invites);
}

async function createInvite(session: Session, { role, tenant }: InviteFlags): Promise<void> {
  const { ProjectRole, TenantRole } = await common();
  if (tenant !== undefined) {
    const { invite } = await (await tenants(session)).invite({ login: tenant, role: roleOf(TenantRole, role) });
    if (invite !== undefined) await session.out.one(tenantKind, invite);
    return;
  }
  const order = { project: await session.project(), role: roleOf(ProjectRole, role) };
  const { invite } = await (await projects(session)).invite(order);
  if (invite !== undefined) await session.out.one(projectKind, invite);
}

async function getInvite(session: Session, given: string | undefined, flags: { tenant?: boolean }): Promise<void> {
  await common();
  const secret = given ?? (await readSecret());
  if (flags.tenant === true) {
    const { invite } = await (await tenants(session)).inviteGet({ secret });
    if (invite !== undefined) await session.out.one(tenantKind, invite);
    return;
  }
  const { invite } = await (await projects(session)).inviteGet({ secret });
  if (invite !== undefined) await session.out.one(projectKind, invite);
}

async function acceptInvite(session: Session, given: string | undefined, flags: { tenant?: boolean }): Promise<void> {
  const secret = given ?? (await readSecret());
  if (flags.tenant === true) {
    const { tenant } = await (await tenants(session)).inviteAccept({ secret });
    return session.note(`you are a member of the tenant ${tenant} now`);
  }
  const { project, projectName } = await (await projects(session)).inviteAccept({ secret });
  session.note(`you are a member of the project ${projectName} now: slipway project use ${project}`);
}

async function deleteInvite(session: Session, given: string | undefined, options: DeleteFlags): Promise<void> {
  const { tenant } = options;
  const secret = given ?? (await readSecret());
  const project = tenant === undefined ? await session.project() : undefined;
  await confirmed(options, "Withdraw the invitation?");
  if (tenant !== undefined) await (await tenants(session)).inviteDelete({ login: tenant, secret });
  if (project !== undefined) await (await projects(session)).inviteDelete({ project, secret });
  session.note("the invitation is withdrawn");
}
