import { DomainError } from "../../../errors.js";
import type { SecretUse, VariableContent } from "../spec/content.js";
import { type Manifest, type ObjectOwner, type SecretContents, secretKey } from "./engine.js";
import { secrets as secretType } from "./kinds.js";
import { ownLabels } from "./labels.js";
import { pullSecretName } from "./names.js";

/** Most bytes that the values of a Secret have together. */
const mostBytes = 1_048_576;

/** The value of a secret. Throws DomainError "precondition" when it is not there; `what` says what wants it. */
function secretValueOf(contents: SecretContents, use: SecretUse, what: string): Uint8Array {
  const value = contents.get(secretKey(use.secret, use.version))?.get(use.key);
  if (value !== undefined) return value;
  throw new DomainError(
    "precondition",
    `${what}: secret ${use.secret} has no key ${use.key} in its version ${use.version}`,
  );
}

/** The value of a secret as text. Throws DomainError "precondition" when it is not there, or no UTF-8, or has a NUL. */
export function textValueOf(contents: SecretContents, use: SecretUse, what: string): string {
  const bytes = secretValueOf(contents, use, what);
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    if (!text.includes("\0")) return text;
  } catch {
    // Said below.
  }
  throw new DomainError("precondition", `${what}: key ${use.key} of secret ${use.secret} is no text`);
}

/** The value of a variable. Throws as `textValueOf`. */
export function variableValue(contents: SecretContents, { name, value, use }: VariableContent): string {
  return use === undefined ? value : textValueOf(contents, use, `variable ${name}`);
}

/** A Secret of an owner. Throws DomainError "precondition" when it is too large. */
export function secretManifest(
  owner: ObjectOwner,
  name: string,
  values: Iterable<readonly [key: string, value: Uint8Array | string]>,
  more: { readonly labels?: Record<string, string>; readonly type?: string } = {},
): Manifest {
  const entries = [...values].map(([key, value]) => [key, Buffer.from(value)] as const);
  const bytes = entries.reduce((sum, [, value]) => sum + value.length, 0);
  if (bytes > mostBytes) {
    throw new DomainError("precondition", `Secret ${name} would have ${bytes} bytes, and may have ${mostBytes}`);
  }
  const data = Object.fromEntries(entries.map(([key, value]) => [key, value.toString("base64")]));
  return {
    type: secretType,
    object: {
      metadata: { name, namespace: owner.namespace, labels: { ...ownLabels(owner), ...more.labels } },
      type: more.type ?? "Opaque",
      data,
    },
  };
}

/** What a registry secret holds. Throws DomainError "precondition" when it is not there. */
export function registryLogin(contents: SecretContents, secret: string) {
  const text = (key: string) =>
    textValueOf(contents, { secret, key, version: 0, follows: true }, "the registry secret");
  return { server: text("server"), username: text("username"), password: text("password") };
}

/** The Secret with which images are pulled, as container engines want it; of two for one registry the first holds. Throws as `registryLogin`. */
export function pullSecret(owner: ObjectOwner, contents: SecretContents, secrets: readonly string[]): Manifest {
  const logins = [...secrets].reverse().map((secret) => {
    const { server, username, password } = registryLogin(contents, secret);
    const auth = Buffer.from(`${username}:${password}`).toString("base64");
    return [hostOf(server), { username, password, auth }] as const;
  });
  const config = JSON.stringify({ auths: Object.fromEntries(logins) });
  return secretManifest(owner, pullSecretName(owner.objectName), [[".dockerconfigjson", config]], {
    type: "kubernetes.io/dockerconfigjson",
  });
}

/** Docker Hub goes by another name here than in references. */
function hostOf(server: string): string {
  const host = server.replace(/^[a-z]+:\/\//, "").split("/")[0] ?? server;
  return ["docker.io", "index.docker.io", "registry-1.docker.io"].includes(host) ? "https://index.docker.io/v1/" : host;
}
