import { timestampDate } from "@bufbuild/protobuf/wkt";
import { useQuery } from "@connectrpc/connect-query";
import { Button, Tabs } from "@mantine/core";
import { useState } from "react";
import { useSearchParams } from "wouter";
import { type Project, ProjectService } from "../../../../gen/ts/api/v1/project_pb.js";
import { TenantService } from "../../../../gen/ts/api/v1/tenant_pb.js";
import { useProject } from "../../app/project.js";
import { useSession } from "../../app/use-session.js";
import { Icon } from "../../kit/icons.js";
import { Page as PageBody, PageHeader } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { InvitationTable } from "./invitation-table.js";
import { InviteDialog } from "./invite-dialog.js";
import type { Invitation, Member } from "./member.js";
import { MemberTable } from "./member-table.js";
import classes from "./members.module.css";
import { projectRoles, roleText } from "./roles.js";

const tabs = ["project", "tenant", "invitations"] as const;
type Tab = (typeof tabs)[number];
const labels: Readonly<Record<Tab, string>> = { project: "Project", tenant: "Tenant", invitations: "Invitations" };

/** Who belongs to the project and the tenant, and who is invited. */
export function Page() {
  const project = useProject();
  const [search, setSearch] = useSearchParams();
  const [inviting, setInviting] = useState(false);
  const tab = tabs.find((each) => each === search.get("tab")) ?? "project";
  const choose = (next: string | null) => setSearch(next === null || next === "project" ? {} : { tab: next });
  return (
    <PageBody fill>
      <PageHeader title="Members">
        <Button leftSection={<Icon name="plus" size={14} />} onClick={() => setInviting(true)} data-new>
          Invite
        </Button>
      </PageHeader>
      <Tabs className={classes.tabs} value={tab} onChange={choose} keepMounted={false}>
        <Tabs.List className={classes.tabList}>
          {tabs.map((each) => (
            <Tabs.Tab key={each} value={each}>
              {labels[each]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {tabs.map((each) => (
          <Tabs.Panel key={each} value={each} className={tab === each ? classes.panel : undefined}>
            {each === "project" && <ProjectMembers project={project} />}
            {each === "tenant" && <TenantMembers tenant={project.tenant} />}
            {each === "invitations" && <Invitations project={project} />}
          </Tabs.Panel>
        ))}
      </Tabs>
      <InviteDialog project={project} opened={inviting} onClose={() => setInviting(false)} />
    </PageBody>
  );
}

function ProjectMembers({ project: { uuid } }: { project: Project }) {
  const { login: self } = useSession();
  const { data, error, refetch } = useQuery(ProjectService.method.get, { project: uuid });
  if (error !== null && data === undefined)
    return <Problem error={error} what="The members could not be listed" onRetry={() => void refetch()} />;
  const members = data?.projectMembers.map(
    ({ id, role, inheritedMembership, createdAt }): Member => ({
      scope: "project",
      subject: uuid,
      login: id,
      role,
      since: createdAt && timestampDate(createdAt),
      isSelf: id === self,
      ...(inheritedMembership ? { fixed: `${roleText(projectRoles, role)} by the tenant` } : {}),
    }),
  );
  return <MemberTable label="Members of the project" members={members} />;
}

function TenantMembers({ tenant }: { tenant: string }) {
  const { login: self } = useSession();
  const { data, error, refetch } = useQuery(TenantService.method.get, { login: tenant });
  if (error !== null && data === undefined)
    return <Problem error={error} what="The members could not be listed" onRetry={() => void refetch()} />;
  const members = data?.tenantMembers.map(
    ({ id, role, createdAt }): Member => ({
      scope: "tenant",
      subject: tenant,
      login: id,
      role,
      since: createdAt && timestampDate(createdAt),
      isSelf: id === self,
    }),
  );
  return <MemberTable label="Members of the tenant" members={members} />;
}

function Invitations({ project: { uuid, tenant } }: { project: Project }) {
  // They have secrets in them: nothing of them stays when the page is left.
  const keep = { gcTime: 0, refetchInterval: 15_000 };
  const toProject = useQuery(ProjectService.method.invitesList, { project: uuid }, keep);
  const toTenant = useQuery(TenantService.method.invitesList, { login: tenant }, keep);
  const error = toProject.error ?? toTenant.error;
  const isKnown = toProject.data !== undefined || toTenant.data !== undefined;
  const retry = () => void Promise.all([toProject.refetch(), toTenant.refetch()]);
  const invitations = [
    ...(toProject.data?.invites ?? []).map(
      ({ secret, role, expiresAt }, i): Invitation => ({
        key: `p${i}`,
        scope: "project",
        subject: uuid,
        secret,
        role,
        expires: expiresAt && timestampDate(expiresAt),
      }),
    ),
    ...(toTenant.data?.invites ?? []).map(
      ({ secret, role, expiresAt }, i): Invitation => ({
        key: `t${i}`,
        scope: "tenant",
        subject: tenant,
        secret,
        role,
        expires: expiresAt && timestampDate(expiresAt),
      }),
    ),
  ];
  return (
    <>
      {error !== null && <Problem error={error} what="Not all invitations could be listed" onRetry={retry} />}
      {(error === null || isKnown) && <InvitationTable invitations={isKnown ? invitations : undefined} />}
    </>
  );
}
