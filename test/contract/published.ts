import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Facts, ruleText } from "./facts.js";

interface Field {
  number: number;
  name: string;
  type: string;
  label?: "optional" | "repeated";
  rules?: Record<string, unknown>;
}

interface Method {
  request: string;
  response: string;
  server_streaming?: boolean;
  options: Record<string, string[]>;
}

interface File {
  services: Record<string, Record<string, Method>>;
  messages: Record<string, { fields: Field[] }>;
  enums: Record<string, Record<string, number>>;
}

/** The published contract: file name to what the file declares. */
export type Contract = Record<string, File>;

/** Reads the published contract from metalstack.json. */
export function readContract(): Contract {
  return JSON.parse(readFileSync(join(import.meta.dirname, "metalstack.json"), "utf8"));
}

/** The published contract as facts. */
export function publishedFacts(contract: Contract): Facts {
  return new Map([...extensionFacts(), ...Object.entries(contract).flatMap(fileFacts)]);
}

// The data names the options that methods carry; their numbers are published beside it.
function extensionFacts(): [string, string][] {
  return [
    ["extension api.v1.tenant_roles", "repeated api.v1.TenantRole = 51000 of google.protobuf.MethodOptions"],
    ["extension api.v1.project_roles", "repeated api.v1.ProjectRole = 51001 of google.protobuf.MethodOptions"],
    ["extension api.v1.admin_roles", "repeated api.v1.AdminRole = 51002 of google.protobuf.MethodOptions"],
    ["extension api.v1.visibility", "api.v1.Visibility = 51003 of google.protobuf.MethodOptions"],
    ["extension api.v1.chargeable", "api.v1.Chargeable = 51004 of google.protobuf.MethodOptions"],
    ["extension api.v1.auditing", "api.v1.Auditing = 51005 of google.protobuf.MethodOptions"],
  ];
}

function fileFacts([path, file]: [string, File]): [string, string][] {
  const scope = path.slice(0, path.lastIndexOf("/")).replaceAll("/", ".");
  return [
    [`file ${path}`, `proto3, package ${scope}`],
    ...Object.entries(file.services).flatMap(([name, methods]) => serviceFacts(path, `${scope}.${name}`, methods)),
    ...Object.entries(file.messages).flatMap(([name, { fields }]) => messageFacts(path, `${scope}.${name}`, fields)),
    ...Object.entries(file.enums).flatMap(([name, values]) => enumFacts(path, `${scope}.${name}`, values)),
  ];
}

function serviceFacts(path: string, service: string, methods: Record<string, Method>): [string, string][] {
  const scope = scopeOf(service);
  const facts: [string, string][] = [[`service ${service}`, path]];
  for (const [name, method] of Object.entries(methods)) {
    const response = qualified(scope, method.response);
    const stream = method.server_streaming ? "stream " : "";
    facts.push([`rpc ${service}.${name}`, `(${qualified(scope, method.request)}) returns (${stream}${response})`]);
    for (const [option, values] of Object.entries(method.options)) {
      facts.push([`option ${option} of ${service}.${name}`, values.join(", ")]);
    }
  }
  return facts;
}

function messageFacts(path: string, message: string, fields: Field[]): [string, string][] {
  const facts: [string, string][] = [[`message ${message}`, path]];
  for (const field of fields) {
    const label = field.label ? `${field.label} ` : "";
    facts.push([
      `field ${message}.${field.name}`,
      `${label}${typeName(scopeOf(message), field.type)} = ${field.number}`,
    ]);
    if (field.rules) facts.push([`rules of ${message}.${field.name}`, ruleText(currentRules(field.rules))]);
  }
  return facts;
}

function enumFacts(path: string, enumeration: string, values: Record<string, number>): [string, string][] {
  return [
    [`enum ${enumeration}`, path],
    ...Object.entries(values).map(([name, number]): [string, string] => [
      `enum value ${enumeration}.${name}`,
      `${number}`,
    ]),
  ];
}

// The published rules are written in the older dialect of their time; these
// are the same constraints in buf.validate.
function currentRules(rules: Record<string, unknown>): Map<string, unknown> {
  return new Map(
    Object.entries(rules).map(([name, value]): [string, unknown] => {
      if (name === "timestamp.required") return ["required", value];
      if (name.startsWith("duration.")) return [name.replace(/\.seconds$/, ""), `${value}s`];
      return [name, value];
    }),
  );
}

function typeName(scope: string, type: string): string {
  const map = /^map<(.+), (.+)>$/.exec(type);
  return map === null ? qualified(scope, type) : `map<${map[1]}, ${qualified(scope, map[2] ?? "")}>`;
}

// Scalars are in lower case, names of the file's own package have no dot.
function qualified(scope: string, type: string): string {
  return type.includes(".") || /^[a-z]/.test(type) ? type : `${scope}.${type}`;
}

function scopeOf(name: string): string {
  return name.slice(0, name.lastIndexOf("."));
}
