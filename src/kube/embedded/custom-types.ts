import type { Column, ScalePaths } from "./extension.js";
import { asFields, asList } from "./fields.js";
import type { ServedType } from "./registry.js";
import type { Fields, KubeObject } from "./types.js";

/** The resource of CustomResourceDefinitions themselves. */
export const definitionsName = { group: "apiextensions.k8s.io", resource: "customresourcedefinitions" };

/** The types that a CustomResourceDefinition serves, one per served version. */
export function customTypes(definition: KubeObject): ServedType[] {
  const spec = definition.spec ?? {};
  const names = asFields(spec.names);
  const versions = asList(spec.versions);
  return versions
    .filter((version) => version.served === true)
    .map((version) => {
      const subresources = asFields(version.subresources);
      const selectable = asList(version.selectableFields).map((field) => String(field.jsonPath).replace(/^\./, ""));
      return {
        group: String(spec.group),
        version: String(version.name),
        resource: String(names.plural),
        kind: String(names.kind),
        singular: String(names.singular ?? String(names.kind).toLowerCase()),
        namespaced: spec.scope === "Namespaced",
        shortNames: texts(names.shortNames),
        categories: texts(names.categories),
        status: subresources.status !== undefined,
        ...scaleOf(subresources),
        ...columnsOf(version),
        ...schemaOf(version),
        origin: "custom" as const,
        fieldLabels: selectable,
      };
    });
}

function scaleOf(subresources: Fields): { scale?: ScalePaths } {
  if (subresources.scale === undefined) return {};
  const paths = asFields(subresources.scale);
  const labelSelector = paths.labelSelectorPath === undefined ? {} : { labelSelector: String(paths.labelSelectorPath) };
  return {
    scale: {
      specReplicas: String(paths.specReplicasPath),
      statusReplicas: String(paths.statusReplicasPath),
      ...labelSelector,
    },
  };
}

function columnsOf(version: Fields): { columns?: Column[] } {
  const columns = asList(version.additionalPrinterColumns);
  if (columns.length === 0) return {};
  return {
    columns: columns.map((column) => ({
      name: String(column.name),
      type: String(column.type) as Column["type"],
      jsonPath: String(column.jsonPath),
      format: String(column.format ?? ""),
      description: String(column.description ?? ""),
      priority: Number(column.priority ?? 0),
    })),
  };
}

function schemaOf(version: Fields): { schema?: Fields } {
  const schema = asFields(version.schema).openAPIV3Schema;
  return typeof schema === "object" && schema !== null ? { schema: schema as Fields } : {};
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
