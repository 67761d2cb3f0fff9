import type { Command } from "commander";
import type { ProjectMemberSchema } from "../../gen/ts/api/v1/project_pb.js";
import type { TenantMemberSchema } from "../../gen/ts/api/v1/tenant_pb.js";
import { confirmed } from "../confirmed.js";
import { setsFields } from "../fields.js";
import type { Kind } from "../output.js";
import { wordOf } from "../resources/enums.js";
import { examples } from "../resources/examples.js";
import { lazy } from "../resources/lazy.js";
import { roleOf } from "../resources/roles.js";
import type { TenantFlag } from "../resources/tenant-flag.js";
import { ageColumn } from "../resources/times.js";
import { run } from "../run.js";
import type { Session } from "../session.js";

const ofProject = lazy(() => import("../../gen/ts/api/v1/project_pb.js"));
const ofTenant = lazy(() => import("../../gen/ts/api/v1/tenant_pb.js"));
const common = lazy(() => import("../../gen/ts/api/v1/common_pb.js"));
const projects = async (session: Session) => session.client((await ofProject()).ProjectService);
const tenants = async (session: Session) => session.client((await ofTenant()).TenantService);

const projectKind: Kind<typeof ProjectMemberSchema> = {
  schema: async () => (await ofProject()).ProjectMemberSchema,
  name: ({ id }) => id,
  columns: [
    { header: "MEMBER", value: ({ id }) => id },
    { header: "ROLE", value: ({ role }) => wordOf(common.now().ProjectRole, role).toLowerCase() },
    { header: "INHERITED", value: ({ inheritedMembership }) => (inheritedMembership ? "yes" : "no") },
    ageColumn(({ createdAt }) => createdAt),
  ],
};

const tenantKind: Kind<typeof TenantMemberSchema> = {
  schema: async () => (await ofTenant()).TenantMemberSchema,
  name: ({ id }) => id,
  columns: [
    { header: "MEMBER", value: ({ id }) => id },
    { header: "ROLE", value: ({ role }) => wordOf(common.now().TenantRole, role).toLowerCase() },
    { header: "PROJECTS", value: ({ projectIds }) => projectIds.length },
    ageColumn(({ createdAt }) => createdAt),
    { header: "PROJECT-IDS", value: ({ projectIds }) => projectIds.join(","), wide: true },
  ],
};

const tenantFlag = ["--tenant <login>", "of this tenant; of the chosen project unless told"] as const;

/** `slipway member`: who has a role in a project or tenant. */
export function memberCommands(group: Command): void {
  group
    .command("list")
    .alias("ls")
    .description("list the members of the project, or of --tenant")
    .option(...tenantFlag)
    .action(run(listMembers));
  const set = group
    .command("set")
    .description("give a member another role")
    .argument("<member>", "the member's id, as list shows it")
    .argument("<role>", "owner, editor or viewer; in a tenant also guest")
    .option(...tenantFlag)
    .action(run(setMember));
  setsFields(set, { member_id: "<member>", login: "--tenant" });
  examples(set, "slipway member set ada@github editor", "slipway member set ada@github viewer --tenant acme");
  const remove = group
    .command("remove")
    .alias("rm")
    .description("end a membership")
    .argument("<member>", "the member's id, as list shows it")
    .option(...tenantFlag)
    .option("-y, --yes", "do not ask")
    .action(run(removeMember));
  setsFields(remove, { member_id: "<member>", login: "--tenant" });
}

async function listMembers(session: Session, { tenant }: TenantFlag): Promise<void> {
  await common();
  if (tenant !== undefined) {
    return await session.out.list(tenantKind, (await (await tenants(session)).get({ login: tenant })).tenantMembers);
  }
  const project = await session.project();
  await session.out.list(projectKind, (await (await projects(session)).get({ project })).projectMembers);
}

async function setMember(session: Session, memberId: string, role: string, { tenant }: TenantFlag): Promise<void> {
  const { ProjectRole, TenantRole } = await common();
  if (tenant !== undefined) {
    const change = { login: tenant, memberId, role: roleOf(TenantRole, role) };
    const { tenantMember } = await (await tenants(session)).updateMember(change);
    if (tenantMember !== undefined) await session.out.one(tenantKind, tenantMember);
    return;
  }
  const change = { project: await session.project(), memberId, role: roleOf(ProjectRole, role) };
  const { projectMember } = await (await projects(session)).updateMember(change);
  if (projectMember !== undefined) await session.out.one(projectKind, projectMember);
}

async function removeMember(
  session: Session,
  memberId: string,
  options: TenantFlag & { readonly yes?: boolean },
): Promise<void> {
  const { tenant } = options;
  const project = tenant === undefined ? await session.project() : undefined;
  await confirmed(options, `Remove ${memberId} from the ${tenant === undefined ? "project" : `tenant ${tenant}`}?`);
  if (tenant !== undefined) await (await tenants(session)).removeMember({ login: tenant, memberId });
  if (project !== undefined) await (await projects(session)).removeMember({ project, memberId });
  session.note(`removed ${memberId}`);
}
