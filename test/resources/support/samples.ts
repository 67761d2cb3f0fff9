import { create, type DescMessage, type Message, ScalarType } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";

/** A uuid, which most texts of the API may be. */
export const sampleText = "0195c0de-0000-7000-8000-00000000000c";

/** What fields of other forms hold instead, by their name, or by that of their message and theirs. */
const samples: Readonly<Record<string, string | bigint | number>> = {
  email: "someone@example.org",
  ip: "192.0.2.1",
  source_ip: "192.0.2.1",
  customer_id: "cus_00000000000001",
  balance_to_add: 100n,
  amount: 100n,
  amount_off: 100n,
  duration_in_months: 1,
  name: "sample",
  version: "1.33.5",
  role: "viewer",
  avatar_url: "https://example.org/sample.png",
  code_challenge: "0".repeat(43),
  code_verifier: "0".repeat(43),
  operator: "Equal",
  effect: "NoSchedule",
  path: "/sample",
  "SecretValue.path": "sample",
  cpu: "1",
  cpu_limit: "1",
  memory: "1Gi",
  memory_limit: "1Gi",
  size: "1Gi",
  process: "web",
  port: "http",
  "Port.port": 80,
  "Port.protocol": "TCP",
  min_replicas: 1,
  max_replicas: 1,
  number: 1,
  "RuntimeServiceSendShellInputRequest.number": 1n,
  columns: 80,
  rows: 24,
  hostname: "sample.example.org",
  zone: "example.org",
};

/** What lists hold that must not be empty. */
const lists: Readonly<Record<string, string>> = {
  cidrs: "198.51.100.0/24",
  permissions: "api.v1.ClusterService.Get",
  values: "sample",
  command: "true",
};

/** Numbers that must not be 0. */
const needed = new Set([
  "deploy.v1.DefaultRole.event",
  "deploy.v1.EnvironmentConstraint.field",
  "deploy.v1.SecretServiceCreateRequest.type",
]);

/** A request that validates: with a sample in each text, also of the messages in it, and 1970 in each time; most others are left out. */
export function sampleOf(desc: DescMessage, depth = 0): Message {
  const message = reflect(desc, create(desc));
  for (const field of desc.fields) {
    if (field.fieldKind === "scalar") {
      const named = samples[`${desc.name}.${field.name}`] ?? samples[field.name];
      const isText = field.scalar === ScalarType.STRING;
      // Fields of one name may be of several types.
      const sample = isText ? (named ?? sampleText) : typeof named === "string" ? undefined : named;
      if (sample !== undefined) message.set(field, sample);
    }
    // Where it must be said what something is, it is the first that there is.
    if (field.fieldKind === "enum" && field.name === "kind") message.set(field, 1);
    if (field.fieldKind === "enum" && field.name === "scope") message.set(field, 3);
    if (field.fieldKind === "enum" && needed.has(`${desc.typeName}.${field.name}`)) message.set(field, 1);
    if (field.fieldKind === "map" && field.name === "values") message.get(field).set("key", new Uint8Array(1));
    const item = field.fieldKind === "list" && field.scalar === ScalarType.STRING ? lists[field.name] : undefined;
    if (item !== undefined && field.fieldKind === "list") message.get(field).add(item);
    if (field.fieldKind !== "message" || depth > 3) continue;
    const isForeign = field.message.typeName.startsWith("google.protobuf.");
    if (isForeign && field.message.typeName !== "google.protobuf.Timestamp") continue;
    const inner = isForeign ? create(field.message) : sampleOf(field.message, depth + 1);
    message.set(field, reflect(field.message, inner));
  }
  return message.message;
}
