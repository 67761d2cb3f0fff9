import type { Secret } from "../../../../gen/ts/deploy/v1/secret_pb.js";
import { SecretType } from "../../../../gen/ts/deploy/v1/secret_pb.js";
import type { DraftObject } from "../../kit/form/draft.js";
import type { Choice, FieldLayout, GroupLayout, LayoutItem, OneofLayout } from "../../kit/form/layout.js";

/** The registry secrets among those of a project. */
export function registryChoices(secrets: readonly Secret[] | undefined): readonly Choice[] {
  return (secrets ?? [])
    .filter(({ type }) => type === SecretType.REGISTRY)
    .map(({ uuid, name, collection }) => ({ value: uuid, label: collection === "" ? name : `${collection}/${name}` }));
}

/** What runs: an image or a chart. */
export function sourceLayout(registries: readonly Choice[]): OneofLayout {
  const registry: readonly FieldLayout[] =
    registries.length === 0
      ? []
      : [{ field: "registry_secret", label: "Registry secret", choices: registries, hint: "With which it is pulled" }];
  return {
    oneof: "source.source",
    label: "What runs",
    members: [
      {
        field: "image",
        label: "Image",
        fields: [
          {
            field: "image",
            placeholder: "nginxinc/nginx-unprivileged:1.29",
            hint: "[REGISTRY/]REPOSITORY[:TAG][@DIGEST]; its digest is what runs",
            span: registry.length === 0 ? 12 : 6,
          },
          ...registry,
        ],
      },
      {
        field: "chart",
        label: "Helm chart",
        fields: [
          { field: "repository", placeholder: "https://charts.example.com", hint: "https:// with an index, or oci://" },
          { field: "name", label: "Chart" },
          { field: "version", placeholder: "1.x", hint: "As Helm has it; empty is the newest" },
          { field: "variables_path", hint: "The value that gets the variables, such as env" },
          ...registry,
          { field: "values", hint: "In JSON; they show in answers: no secrets", kind: "textarea", span: 12 },
        ],
      },
    ],
  };
}

/** The processes of an image. */
export const processFields: readonly LayoutItem[] = [
  { field: "name", placeholder: "web" },
  { field: "kind" },
  { field: "command", hint: "Program instead of that of the image" },
  { field: "args", label: "Arguments" },
  {
    field: "ports",
    item: "port",
    fields: [
      { field: "name", span: 4, placeholder: "http" },
      { field: "port", span: 4 },
      {
        field: "protocol",
        span: 4,
        choices: [
          { value: "TCP", label: "TCP" },
          { value: "UDP", label: "UDP" },
        ],
      },
    ],
    newItem: (present): DraftObject => (present === 0 ? { name: "http", port: "8080" } : {}),
  },
  { field: "resources.cpu", label: "Processors", placeholder: "250m", span: 3 },
  { field: "resources.memory", label: "Memory", placeholder: "256Mi", span: 3 },
  { field: "resources.cpu_limit", label: "Most processors", span: 3 },
  { field: "resources.memory_limit", label: "Most memory", span: 3 },
  { field: "schedule", placeholder: "0 3 * * *", hint: "Of a job: five crontab fields, UTC" },
];

/** The field with processes; of a create it is `processes`, of an update `processes.processes`. */
export function processesLayout(field: string): FieldLayout {
  return {
    field,
    label: "Processes",
    item: "process",
    hint: "Without any: one service web that listens on 8080.",
    fields: processFields,
    newItem: (present): DraftObject =>
      present === 0
        ? { name: "web", kind: "PROCESS_KIND_SERVICE", ports: [{ name: "http", port: "8080" }] }
        : { kind: "PROCESS_KIND_SERVICE" },
  };
}

/** What happens when a release does not become healthy. */
export const rollbackGroup: GroupLayout = {
  group: "Automatic rollback",
  fields: [
    { field: "auto_rollback.enabled", label: "Undo a release that does not become healthy" },
    { field: "auto_rollback.timeout_seconds", label: "Time to become healthy", hint: "Seconds; 600 unless set" },
  ],
};
