import type { MessageInitShape } from "@bufbuild/protobuf";
import { create as createMessage } from "@bufbuild/protobuf";
import { useMutation, useQuery } from "@connectrpc/connect-query";
import { Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useLocation } from "wouter";
import {
  DeploymentService,
  type DeploymentServiceCreateRequest,
  DeploymentServiceCreateRequestSchema,
  type DeploymentServiceCreateResponse,
} from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import { SecretService } from "../../../../gen/ts/deploy/v1/secret_pb.js";
import { TaskOptionsSchema } from "../../../../gen/ts/deploy/v1/task_pb.js";
import { useProject } from "../../app/project.js";
import type { DraftObject } from "../../kit/form/draft.js";
import type { Choice, LayoutItem } from "../../kit/form/layout.js";
import { ProtoForm } from "../../kit/form/proto-form.js";
import { KeyValue, Page as PageBody, PageHeader, Section } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { processesLayout, registryChoices, rollbackGroup, sourceLayout } from "./deployment-layout.js";
import { FirstSteps } from "./first-steps.js";
import { hrefOf, listHref } from "./paths.js";
import { sourceText } from "./state.js";
import { TextLink } from "./text-link.js";
import { type Places, usePlaces } from "./use-places.js";
import { useTwoIntents } from "./use-two-intents.js";

/** Makes a deployment of an image or a chart. */
export function Page() {
  const { uuid: project } = useProject();
  const places = usePlaces(project);
  const list = listHref(project);
  const isPossible = [places.environments, places.targets, places.namespaces].every((each) => each?.length !== 0);
  return (
    <PageBody>
      <PageHeader title="New deployment" parents={[{ label: "Deployments", href: list }]} />
      {places.error !== null && !places.isReady && (
        <Problem error={places.error} what="Where it could run cannot be read" onRetry={places.refetch} />
      )}
      {places.isReady &&
        (isPossible ? <Form places={places} project={project} /> : <FirstSteps places={places} project={project} />)}
    </PageBody>
  );
}

function Form({ places, project }: { places: Places; project: string }) {
  const [, navigate] = useLocation();
  const queryClient = useQueryClient();
  const secrets = useQuery(SecretService.method.list, { project });
  const create = useMutation(DeploymentService.method.create);
  const [checked, setChecked] = useState<DeploymentServiceCreateResponse>();
  const id = `deployment:new:${project}`;
  const intents = useTwoIntents(id);
  const send = async (message: DeploymentServiceCreateRequest) => {
    setChecked(undefined);
    if (intents.isPreview()) {
      const options = createMessage(TaskOptionsSchema, { validateOnly: true });
      setChecked(await create.mutateAsync({ ...message, options }));
      return intents.keepDraft();
    }
    const { deployment } = await create.mutateAsync(message);
    void queryClient.invalidateQueries();
    notifications.show({ message: `Deployment ${message.name} is being made.` });
    navigate(deployment === undefined ? listHref(project) : hrefOf(deployment));
  };
  const registries = registryChoices(secrets.data?.secrets);
  return (
    <div {...intents.wrapper}>
      <Section title="Deployment" actions={<PlaceLinks project={project} />}>
        <ProtoForm
          schema={DeploymentServiceCreateRequestSchema}
          id={id}
          initial={initialOf(places, project)}
          layout={(draft) => layoutOf(places, registries, draft)}
          action="Deploy"
          onSubmit={send}
          onCancel={() => navigate(listHref(project))}
        />
      </Section>
      <Section
        title="Check first"
        actions={
          <Button variant="default" onClick={intents.preview} loading={create.isPending && intents.isPreview()}>
            Check without deploying
          </Button>
        }
      >
        {checked === undefined ? (
          <span>Asks the registry and checks names, quotas and constraints; nothing is stored.</span>
        ) : (
          <CheckResult response={checked} nameOf={places.nameOf} />
        )}
      </Section>
    </div>
  );
}

/** Where what is missing in the selects can be made. */
function PlaceLinks({ project }: { project: string }) {
  return (
    <span>
      New: <TextLink href={`/projects/${project}/environments/new`}>environment</TextLink>,{" "}
      <TextLink href={`/projects/${project}/targets/new`}>target</TextLink>,{" "}
      <TextLink href={`/projects/${project}/targets`}>namespace of a target</TextLink>
    </span>
  );
}

function CheckResult({
  response: { deployment, release },
  nameOf,
}: {
  response: DeploymentServiceCreateResponse;
  nameOf: (uuid: string) => string;
}) {
  const source = release?.source?.source;
  const digest = source?.case === undefined ? "" : source.value.digest;
  return (
    <div role="status">
      <KeyValue
        items={[
          ["Result", "It would be accepted"],
          ["Source", sourceText(release?.source)],
          ["Digest", digest === "" ? "–" : digest],
          ["Environment", nameOf(deployment?.environment ?? "")],
          ["Target", nameOf(deployment?.target ?? "")],
          ["Namespace", nameOf(deployment?.namespace ?? "")],
          ["Processes", release?.processes.map(({ name }) => name).join(", ") || "–"],
        ]}
      />
    </div>
  );
}

function initialOf(places: Places, project: string): MessageInitShape<typeof DeploymentServiceCreateRequestSchema> {
  const { environments = [], targets = [], namespaces = [] } = places;
  const environment = environments.find(({ isDefault }) => isDefault) ?? environments[0];
  const target = targets.find(({ uuid }) => namespaces.some((each) => each.target === uuid)) ?? targets[0];
  return {
    project,
    environment: environment?.uuid ?? "",
    target: target?.uuid ?? "",
    namespace: namespaces.find((each) => each.target === target?.uuid)?.uuid ?? "",
    source: { source: { case: "image", value: {} } },
  };
}

const choicesOf = (things: readonly { readonly uuid: string; readonly name: string }[]): readonly Choice[] =>
  things.map(({ uuid, name }) => ({ value: uuid, label: name }));

function layoutOf(places: Places, registries: readonly Choice[], draft: DraftObject): readonly LayoutItem[] {
  const { environments = [], targets = [], namespaces = [] } = places;
  const there = namespaces.filter(({ target }) => target === draft.target);
  const isImage = !("chart" in ((draft.source as DraftObject | undefined) ?? {}));
  return [
    { field: "name", hint: "Lower case letters, digits and dashes; unique in the environment", autoFocus: true },
    { field: "description" },
    { field: "environment", choices: choicesOf(environments), span: 4 },
    { field: "target", choices: choicesOf(targets), span: 4 },
    {
      field: "namespace",
      choices: choicesOf(there),
      span: 4,
      hint: there.length === 0 ? "The target has none yet: register one first" : "In which it runs",
    },
    sourceLayout(registries),
    ...(isImage
      ? [
          processesLayout("processes"),
          {
            field: "scale",
            label: "Replicas",
            item: "process",
            hint: "One of each process unless told.",
            fields: [{ field: "process" }, { field: "replicas" }],
            newItem: () => ({ process: "web", replicas: "2" }),
          },
        ]
      : []),
    {
      field: "config.set_variables",
      label: "Variables",
      item: "variable",
      hint: "Sensitive values are shown to nobody but the processes.",
      fields: [
        { field: "name", span: 4, placeholder: "GREETING" },
        { field: "value", span: 4 },
        { field: "sensitive", span: 4 },
      ],
      newItem: () => ({ name: "", value: "" }),
    },
    rollbackGroup,
    { field: "labels", item: "label" },
  ];
}
