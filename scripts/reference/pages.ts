import {
  type DescEnum,
  type DescField,
  type DescFile,
  type DescMessage,
  type DescMethod,
  type DescService,
  type FileRegistry,
  getOption,
  ScalarType,
} from "@bufbuild/protobuf";
import { message as messageRules, oneof as oneofRules } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import type { Comments } from "../openapi/comments.js";
import { methodOptions, optionValues } from "../openapi/options.js";
import { cell, code, prose, rulesOf } from "./words.js";

/** All that pages are made of. */
export interface Contract {
  readonly registry: FileRegistry;
  /** The files of each package. */
  readonly packages: ReadonlyMap<string, readonly DescFile[]>;
  readonly comments: Comments;
}

/** Which packages there are, and their services. */
export function indexPage(contract: Contract, names: readonly string[]): string {
  const rows = names.flatMap((name) =>
    servicesOf(contract, name).map(
      (service) =>
        `| \`${name}\` | [${service.name}](${name}.md#${anchor(service.name)}) | ${cell(summary(contract, service))} |`,
    ),
  );
  return `# Reference

Every service, method, message and field of the API, from the comments of [the contract](../../proto). \`npm run generate\` writes these pages. The same is served at \`/reference\`, and in OpenAPI at \`/openapi.json\`: see [the API as JSON](../api.md).

| package | service | what it is for |
|---|---|---|
${rows.join("\n")}
`;
}

/** The page of a package: its services with their methods, then its messages and enums. */
export function packagePage(contract: Contract, name: string): string {
  const files = contract.packages.get(name) ?? [];
  const services = servicesOf(contract, name);
  const messages = files.flatMap((file) => file.messages.flatMap(withNested)).sort(byName);
  const enums = files.flatMap((file) => [...file.enums, ...file.messages.flatMap(enumsOf)]).sort(byName);
  const parts = [
    `# ${name}`,
    `What \`proto/${name.replace(".", "/")}\` says, written by \`npm run generate\`. [All packages](README.md).`,
    services.map((service) => `- [${service.name}](#${anchor(service.name)})`).join("\n"),
    ...services.flatMap((service) => servicePart(contract, service)),
    ...(messages.length === 0 ? [] : ["## Messages"]),
    ...messages.flatMap((message) => messagePart(contract, message)),
    ...(enums.length === 0 ? [] : ["## Enums"]),
    ...enums.flatMap((desc) => enumPart(contract, desc)),
  ];
  demandOneOfEach(name, [...services, ...messages, ...enums].map(titleOf));
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

function servicesOf({ packages }: Contract, name: string): DescService[] {
  return (packages.get(name) ?? []).flatMap((file) => file.services).sort(byName);
}

function byName(a: { typeName: string }, b: { typeName: string }): number {
  return a.typeName < b.typeName ? -1 : 1;
}

function withNested(message: DescMessage): DescMessage[] {
  return [message, ...message.nestedMessages.flatMap(withNested)];
}

function enumsOf(message: DescMessage): DescEnum[] {
  return [...message.nestedEnums, ...message.nestedMessages.flatMap(enumsOf)];
}

/** A type without its package, as in "Outer.Inner". */
function titleOf({ typeName, file }: { typeName: string; file: DescFile }): string {
  return typeName.slice(file.proto.package.length + 1);
}

/** What a heading is called in links to it. */
function anchor(title: string): string {
  return title.toLowerCase().replace(/[^a-z0-9_-]/g, "");
}

function demandOneOfEach(page: string, titles: readonly string[]): void {
  const seen = new Set(["messages", "enums"]);
  for (const title of titles) {
    if (seen.has(anchor(title))) throw new Error(`${page} would have two headings that are linked as ${anchor(title)}`);
    seen.add(anchor(title));
  }
}

function comment({ comments }: Contract, name: string): string {
  return prose(comments.get(name) ?? "");
}

function summary(contract: Contract, { typeName }: DescService): string {
  return /^.*?\.(?=\s|$)/s.exec(comment(contract, typeName))?.[0] ?? "";
}

function servicePart(contract: Contract, service: DescService): string[] {
  const methods = service.methods.flatMap((method) => methodPart(contract, method));
  return [`## ${service.name}`, comment(contract, service.typeName), ...methods];
}

function methodPart(contract: Contract, method: DescMethod): string[] {
  const isIn = method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming";
  const isOut = method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming";
  const stream = (is: boolean) => (is ? "a stream of " : "");
  const from = method.parent.file;
  return [
    `### ${method.parent.name}.${method.name}`,
    `\`POST /${method.parent.typeName}/${method.name}\`${method.deprecated ? " (deprecated)" : ""}`,
    comment(contract, `${method.parent.typeName}.${method.name}`),
    `Takes ${stream(isIn)}${typeLink(method.input, from)}, answers ${stream(isOut)}${typeLink(method.output, from)}.`,
    `${factsOf(contract, method).join(". ")}.`,
  ];
}

/** Who may call, what it costs, and what is recorded. */
function factsOf({ registry }: Contract, method: DescMethod): string[] {
  const options = methodOptions(registry, method);
  const roles = (options["x-slipway-roles"] ?? []).map(code);
  const visibility = options["x-slipway-visibility"];
  const isAudited = !optionValues(registry, method, "auditing").includes("auditing_excluded");
  return [
    ...(roles.length > 0 ? [`Roles: ${roles.join(", ")}`] : []),
    ...(visibility === undefined ? [] : [`Visibility: ${code(visibility)}`]),
    ...(options["x-slipway-chargeable"] ? ["Chargeable"] : []),
    isAudited ? "Audited" : "Not audited",
  ];
}

function messagePart(contract: Contract, message: DescMessage): string[] {
  const rows = message.fields.map((field) => fieldRow(contract, field));
  const rules = getOption(message, messageRules).cel.map((rule) => prose(rule.message));
  const oneofs = message.oneofs.map((oneof) => {
    const names = oneof.fields.map((field) => code(field.name)).join(", ");
    return `${getOption(oneof, oneofRules).required ? "Exactly" : "At most"} one of ${names}.`;
  });
  return [
    `### ${titleOf(message)}`,
    comment(contract, message.typeName),
    rows.length === 0 ? "No fields." : ["| field | type | |", "|---|---|---|", ...rows].join("\n"),
    [...oneofs, ...(rules.length === 0 ? [] : [`Rules: ${rules.join("; ")}.`])].join(" "),
  ];
}

function fieldRow(contract: Contract, field: DescField): string {
  const rules = rulesOf(field);
  const notes = [
    comment(contract, `${field.parent.typeName}.${field.name}`),
    ...(rules === "" ? [] : [`Rules: ${rules}.`]),
    ...(field.proto.options?.debugRedact === true ? ["Secret: neither logged nor recorded."] : []),
    ...(field.deprecated ? ["Deprecated."] : []),
  ];
  const type = `${field.proto.proto3Optional ? "optional " : ""}${typeOf(field)}`;
  return `| \`${field.name}\` | ${cell(type)} | ${cell(notes.filter((note) => note !== "").join(" "))} |`;
}

function typeOf(field: DescField): string {
  const from = field.parent.file;
  const scalar = (type: ScalarType) => code(ScalarType[type].toLowerCase());
  const one =
    field.message !== undefined
      ? typeLink(field.message, from)
      : field.enum !== undefined
        ? typeLink(field.enum, from)
        : scalar(field.scalar);
  if (field.fieldKind === "list") return `list of ${one}`;
  return field.fieldKind === "map" ? `map of ${scalar(field.mapKey)} to ${one}` : one;
}

/** A link to where a type is told of; those of Protobuf itself have no page here. */
function typeLink(desc: DescMessage | DescEnum, from: DescFile): string {
  if (desc.typeName.startsWith("google.protobuf.")) return code(desc.typeName);
  const page = desc.file.proto.package;
  const title = page === from.proto.package ? titleOf(desc) : desc.typeName;
  const file = page === from.proto.package ? "" : `${page}.md`;
  return `[${title}](${file}#${anchor(titleOf(desc))})`;
}

function enumPart(contract: Contract, desc: DescEnum): string[] {
  const rows = desc.values.map(
    ({ name, number }) => `| \`${name}\` | ${number} | ${cell(comment(contract, `${desc.typeName}/${name}`))} |`,
  );
  return [
    `### ${titleOf(desc)}`,
    comment(contract, desc.typeName),
    ["| value | number | |", "|---|---|---|", ...rows].join("\n"),
  ];
}
