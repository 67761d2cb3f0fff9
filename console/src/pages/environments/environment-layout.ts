import type { Target } from "../../../../gen/ts/deploy/v1/target_pb.js";
import type { LayoutItem } from "../../kit/form/layout.js";

/**
 * The fields of an environment. Of a change the lists are in messages of their own: `node_selector.labels` instead of
 * `node_selector`.
 */
export function environmentLayout(targets: readonly Target[], isChange: boolean): readonly LayoutItem[] {
  const [selector, tolerations, constraints, labels] = isChange
    ? ["node_selector.labels", "tolerations.tolerations", "constraints.constraints", "labels.labels"]
    : ["node_selector", "tolerations", "constraints", "labels"];
  const known = targets.map(({ name, uuid }) => `${name}: ${uuid}`).join(", ");
  return [
    { field: "name", hint: "Lower case letters, digits and dashes; unique in the project", autoFocus: !isChange },
    { field: "description" },
    { field: "is_default", label: "Default", hint: "Deployments that name no environment go here", span: 12 },
    {
      field: constraints,
      label: "Constraints",
      item: "constraint",
      hint: `What deployments may use; without any everything. Targets are named by uuid${known === "" ? "" : ` (${known})`}, all else by name.`,
      fields: [
        { field: "field", label: "About" },
        { field: "deny", label: "Deny these, allow all others" },
        { field: "values", span: 12 },
      ],
    },
    { field: selector, label: "Labels of nodes", item: "label", hint: "Pods run only on nodes that have them." },
    {
      field: tolerations,
      label: "Tolerations",
      item: "toleration",
      hint: "Taints of nodes that pods bear.",
      fields: [
        { field: "key", span: 4 },
        { field: "operator", span: 4, choices: choices("Equal", "Exists") },
        { field: "value", span: 4 },
        { field: "effect", span: 4, choices: choices("NoSchedule", "PreferNoSchedule", "NoExecute") },
        { field: "toleration_seconds", span: 4, label: "Seconds" },
      ],
    },
    { field: labels, label: "Labels", item: "label" },
  ];
}

const choices = (...values: readonly string[]) => values.map((value) => ({ value, label: value }));
