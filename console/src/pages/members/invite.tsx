import { Code, ConnectError } from "@connectrpc/connect";
import { createConnectQueryKey, useMutation, useQuery } from "@connectrpc/connect-query";
import { Button, Group } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useLocation, useParams } from "wouter";
import { ProjectService } from "../../../../gen/ts/api/v1/project_pb.js";
import { TenantService } from "../../../../gen/ts/api/v1/tenant_pb.js";
import { KeyValue, Page as PageBody, PageHeader } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { DateTime } from "../../kit/time.js";
import { projectRoles, roleText, tenantRoles } from "./roles.js";

const isMissing = (error: unknown): boolean => error instanceof ConnectError && error.code === Code.NotFound;

/** Where the link of an invitation leads: shows to what, and joins. */
export function Page() {
  const { secret = "" } = useParams();
  const keep = { gcTime: 0, retry: false };
  const project = useQuery(ProjectService.method.inviteGet, { secret }, keep);
  // A link does not say to what it leads: one that opens no project may open a tenant.
  const tenant = useQuery(TenantService.method.inviteGet, { secret }, { ...keep, enabled: isMissing(project.error) });
  const error = isMissing(project.error) ? tenant.error : project.error;
  const toProject = project.data?.invite;
  const toTenant = tenant.data?.invite;
  return (
    <PageBody>
      <PageHeader title="Invitation" />
      {error !== null && (
        <Problem
          error={isMissing(error) ? new ConnectError(gone, Code.FailedPrecondition) : error}
          what="This invitation cannot be used"
        />
      )}
      {toProject !== undefined && (
        <Join
          secret={secret}
          facts={[
            ["Project", toProject.projectName],
            ["Tenant", toProject.tenantName || toProject.tenant],
            ["Your role", roleText(projectRoles, toProject.role)],
            ["Expires", <DateTime key="expires" at={toProject.expiresAt} />],
          ]}
          project={toProject.project}
        />
      )}
      {toTenant !== undefined && (
        <Join
          secret={secret}
          facts={[
            ["Tenant", toTenant.targetTenantName || toTenant.targetTenant],
            ["Invited by", toTenant.tenantName || toTenant.tenant],
            ["Your role", roleText(tenantRoles, toTenant.role)],
            ["Expires", <DateTime key="expires" at={toTenant.expiresAt} />],
          ]}
        />
      )}
    </PageBody>
  );
}

const projectsKey = createConnectQueryKey({ schema: ProjectService.method.list, cardinality: "finite" });
const gone = "it was used or withdrawn, or has expired; ask for another one";

function Join(props: {
  secret: string;
  facts: Parameters<typeof KeyValue>[0]["items"];
  /** The project that is joined; the whole tenant without. */
  project?: string;
}) {
  const { secret, facts, project } = props;
  const [, navigate] = useLocation();
  const queryClient = useQueryClient();
  const joinProject = useMutation(ProjectService.method.inviteAccept, { gcTime: 0 });
  const joinTenant = useMutation(TenantService.method.inviteAccept, { gcTime: 0 });
  const error = joinProject.error ?? joinTenant.error;
  const join = async () => {
    const { name, to } =
      project === undefined
        ? await joinTenant.mutateAsync({ secret }).then(({ tenantName }) => ({ name: tenantName, to: "/" }))
        : await joinProject
            .mutateAsync({ secret })
            .then(({ projectName }) => ({ name: projectName, to: `/projects/${project}/clusters` }));
    notifications.show({ message: `Welcome to ${name}.` });
    // The frame knows the project before the page asks for it; of all else what is read next is new.
    await queryClient.refetchQueries({ queryKey: projectsKey });
    navigate(to, { replace: true });
    void queryClient.invalidateQueries();
  };
  return (
    <>
      <p style={{ margin: 0 }}>You are invited to join.</p>
      <KeyValue items={facts} />
      {error !== null && <Problem error={error} what="You have not joined" />}
      <Group gap="xs">
        <Button
          loading={joinProject.isPending || joinTenant.isPending}
          onClick={() => void join().catch(() => undefined)}
        >
          Join
        </Button>
        <Button variant="default" onClick={() => navigate("/")}>
          Not now
        </Button>
      </Group>
    </>
  );
}
