import type { MessageInitShape } from "@bufbuild/protobuf";
import { create, equals } from "@bufbuild/protobuf";
import { useMutation, useQuery } from "@connectrpc/connect-query";
import { Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useLocation, useParams } from "wouter";
import {
  type Deployment,
  DeploymentService,
  type DeploymentServicePreviewResponse,
  type DeploymentServiceUpdateRequest,
  DeploymentServiceUpdateRequestSchema,
} from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import { type Release, ReleaseService } from "../../../../gen/ts/deploy/v1/release_pb.js";
import { SecretService } from "../../../../gen/ts/deploy/v1/secret_pb.js";
import { ProcessesSchema, type Source, SourceSchema } from "../../../../gen/ts/deploy/v1/spec_pb.js";
import { useProject } from "../../app/project.js";
import type { DraftObject } from "../../kit/form/draft.js";
import { ProtoForm } from "../../kit/form/proto-form.js";
import { Page as PageBody, PageHeader, Section } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { processesLayout, registryChoices, rollbackGroup, sourceLayout } from "./deployment-layout.js";
import { hrefOf, listHref, taskHref } from "./paths.js";
import { Preview } from "./preview.js";
import { useDeployment } from "./use-deployment.js";
import { useTwoIntents } from "./use-two-intents.js";

/** Changes what a deployment runs, and what it is called. */
export function Page() {
  const { uuid: project } = useProject();
  const { deployment: uuid = "" } = useParams();
  const { deployment, error, refetch } = useDeployment(project, uuid);
  const active = deployment?.activeRelease ?? 0;
  const release = useQuery(
    ReleaseService.method.get,
    { project, deployment: uuid, number: active },
    { enabled: active > 0 },
  );
  const list = { label: "Deployments", href: listHref(project) };
  const isReady = deployment !== undefined && (active === 0 || release.data !== undefined);
  const failed = error ?? release.error;
  return (
    <PageBody>
      <PageHeader
        title="Change"
        parents={deployment === undefined ? [list] : [list, { label: deployment.name, href: hrefOf(deployment) }]}
      />
      {failed !== null && !isReady && (
        <Problem error={failed} what="The deployment could not be read" onRetry={() => void refetch()} />
      )}
      {isReady && <Form deployment={deployment} release={release.data?.release} />}
    </PageBody>
  );
}

function Form({ deployment, release }: { deployment: Deployment; release: Release | undefined }) {
  const { project, uuid, name, version } = deployment;
  const [, navigate] = useLocation();
  const queryClient = useQueryClient();
  const secrets = useQuery(SecretService.method.list, { project });
  const update = useMutation(DeploymentService.method.update);
  const preview = useMutation(DeploymentService.method.preview);
  const [previewed, setPreviewed] = useState<DeploymentServicePreviewResponse>();
  const [initial] = useState(() => initialOf(deployment, release));
  const id = `deployment:change:${uuid}:${version}`;
  const intents = useTwoIntents(id);
  const send = async (message: DeploymentServiceUpdateRequest) => {
    const { source, processes, ...rest } = onlyChanged(message, deployment, release);
    const parts = { ...(source === undefined ? {} : { source }), ...(processes === undefined ? {} : { processes }) };
    if (intents.isPreview()) {
      setPreviewed(await preview.mutateAsync({ project, deployment: uuid, ...parts }));
      return intents.keepDraft();
    }
    const { task } = await update.mutateAsync({ ...rest, ...parts });
    void queryClient.invalidateQueries();
    notifications.show({ message: `${name} is changed.` });
    navigate(task === undefined ? hrefOf(deployment) : taskHref(deployment, task.uuid));
  };
  const registries = registryChoices(secrets.data?.secrets);
  return (
    <div {...intents.wrapper}>
      <ProtoForm
        schema={DeploymentServiceUpdateRequestSchema}
        id={id}
        initial={initial}
        layout={(draft) => [
          { field: "name" },
          { field: "description" },
          sourceLayout(registries),
          ...("chart" in ((draft.source as DraftObject | undefined) ?? {})
            ? []
            : [processesLayout("processes.processes")]),
          rollbackGroup,
          { field: "labels.labels", item: "label" },
          { field: "options.reason", label: "Why", hint: "For those who read its task", span: 12 },
        ]}
        action="Save changes"
        onSubmit={send}
        onCancel={() => navigate(hrefOf(deployment))}
      />
      <Section
        title="Preview"
        actions={
          <Button variant="default" onClick={intents.preview} loading={preview.isPending}>
            Preview the changes
          </Button>
        }
      >
        {previewed === undefined ? (
          <span>The target tells what would become of each object; nothing is changed.</span>
        ) : (
          <Preview response={previewed} />
        )}
      </Section>
    </div>
  );
}

function initialOf(
  { project, uuid, name, description, autoRollback, labels, source, version }: Deployment,
  release: Release | undefined,
): MessageInitShape<typeof DeploymentServiceUpdateRequestSchema> {
  return {
    project,
    deployment: uuid,
    name,
    description,
    labels: { labels },
    ...(autoRollback === undefined ? {} : { autoRollback }),
    ...(source === undefined ? {} : { source: asAsked(release?.source ?? source) }),
    processes: { processes: release?.processes ?? [] },
    options: { expectedVersion: version },
  };
}

/** A source as somebody would ask for it: without what the server found out. */
function asAsked(source: Source): MessageInitShape<typeof SourceSchema> {
  const { case: kind, value } = source.source;
  if (kind === "image")
    return { source: { case: kind, value: { ...value, image: value.image.split("@")[0] ?? "", digest: "" } } };
  if (kind === "chart") return { source: { case: kind, value: { ...value, resolvedVersion: "", digest: "" } } };
  return source;
}

/** Source and processes only where they differ from what runs: each of them makes a release. */
function onlyChanged(
  message: DeploymentServiceUpdateRequest,
  deployment: Deployment,
  release: Release | undefined,
): DeploymentServiceUpdateRequest {
  const { source, processes, ...rest } = message;
  const was = create(DeploymentServiceUpdateRequestSchema, initialOf(deployment, release));
  const sameSource = source !== undefined && was.source !== undefined && equals(SourceSchema, source, was.source);
  const isChart = source?.source.case === "chart";
  const sameProcesses =
    processes !== undefined && was.processes !== undefined && equals(ProcessesSchema, processes, was.processes);
  return {
    ...rest,
    ...(source === undefined || sameSource ? {} : { source }),
    ...(processes === undefined || sameProcesses || isChart ? {} : { processes }),
  };
}
