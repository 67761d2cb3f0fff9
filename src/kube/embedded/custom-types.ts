import type { Column, ScalePaths } from "./extension.js";
import { asFields, asList, asNumber, asText } from "./fields.js";
import type { ServedType } from "./served-type.js";
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
      const selectable = asList(version.selectableFields).map((field) => asText(field.jsonPath).replace(/^\./, ""));
      return {
        group: asText(spec.group),
        version: asText(version.name),
        resource: asText(names.plural),
        kind: asText(names.kind),
        singular: asText(names.singular ?? asText(names.kind).toLowerCase()),
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
  const labelSelector = paths.labelSelectorPath === undefined ? {} : { labelSelector: asText(paths.labelSelectorPath) };
  return {
    scale: {
      specReplicas: asText(paths.specReplicasPath),
      statusReplicas: asText(paths.statusReplicasPath),
      ...labelSelector,
    },
  };
}

function columnsOf(version: Fields): { columns?: Column[] } {
  const columns = asList(version.additionalPrinterColumns);
  if (columns.length === 0) return {};
  return {
    columns: columns.map((column) => ({
      name: asText(column.name),
      type: asText(column.type) as Column["type"],
      jsonPath: asText(column.jsonPath),
      format: asText(column.format),
      description: asText(column.description),
      priority: asNumber(column.priority),
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
