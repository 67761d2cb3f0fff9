import { type DescField, type DescFile, ScalarType } from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import { beforeAll, describe, expect, it } from "vitest";
import { loadDescriptors } from "../../scripts/descriptors.js";

// Names that belong to secrets, wherever a string or bytes field carries them.
const secretName =
  /secret|password|passphrase|kubeconfig|private_?key|auth_?key|user_data|token|credential|download_url|^(reset_)?code(_verifier)?$/;

// Where a list or a stream goes on.
const placeName = /^((next_)?page|resume)_token$/;

// Publishable by design: what browsers send to the payment processor, uuids and names of Secrets, paths at which they
// are mounted, and the id of a token.
const publicFields = [
  "api.v1.Environment.stripe_public_token",
  "deploy.v1.ConfigPatch.unset_secret_mounts",
  "deploy.v1.ContainerImage.registry_secret",
  "deploy.v1.HelmChart.registry_secret",
  "deploy.v1.RouteTLS.secret",
  "deploy.v1.Router.tls_secret",
  "deploy.v1.SecretMount.secret",
  "deploy.v1.SecretReference.secret",
  "iam.v1.AuthServiceWhoAmIResponse.token_id",
];

// Secret, or where people put secrets, though the name alone does not say so.
const plainlyNamed = [
  "deploy.v1.DeploymentServiceRevealCredentialsResponse.values",
  "deploy.v1.RuntimeServiceRunCommandRequest.stdin",
  "deploy.v1.RuntimeServiceOpenShellRequest.stdin",
  "deploy.v1.RuntimeServiceSendShellInputRequest.stdin",
  "deploy.v1.SecretData.values",
  "deploy.v1.Variable.value",
  "deploy.v1.ConfigFile.content",
];

// Public, but where somebody may send a secret by mistake.
const mistakable = ["iam.v1.CredentialServiceCreateRequest.public_key"];

let fields: DescField[];

beforeAll(async () => {
  fields = (await loadDescriptors()).flatMap(fieldsOf).filter(holdsText);
});

function fieldsOf(file: DescFile): DescField[] {
  return [...nestedTypes(file)].flatMap((type) => (type.kind === "message" ? type.fields : []));
}

function holdsText(field: DescField): boolean {
  return field.scalar === ScalarType.STRING || field.scalar === ScalarType.BYTES;
}

function redacted(field: DescField): boolean {
  return field.proto.options?.debugRedact ?? false;
}

function nameOf(field: DescField): string {
  return `${field.parent.typeName}.${field.name}`;
}

describe("secrets", () => {
  it("are marked wherever a field's name gives one away", () => {
    const named = fields.filter(({ name }) => secretName.test(name) && !placeName.test(name));
    const suspects = named.filter((field) => !publicFields.includes(nameOf(field)));
    expect(suspects.length).toBeGreaterThan(0);
    expect(suspects.filter((field) => !redacted(field)).map(nameOf)).toEqual([]);
  });

  it("are the only fields that are marked", () => {
    const marked = fields.filter(redacted);
    expect(marked.filter((field) => !secretName.test(field.name)).map(nameOf)).toEqual([
      ...plainlyNamed,
      ...mistakable,
    ]);
    expect(marked.map(nameOf).filter((name) => publicFields.includes(name))).toEqual([]);
  });

  it("have exceptions that exist", () => {
    expect(fields.map(nameOf)).toEqual(expect.arrayContaining(publicFields));
  });
});
