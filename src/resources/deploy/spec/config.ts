import type { ConfigFile, ConfigPatch, SecretMount, Variable } from "../../../../gen/ts/deploy/v1/spec_pb.js";
import { invalidField } from "../../../errors.js";
import type { ConfigChange, VariableContent } from "./content.js";
import { mostFileBytes, textBytes } from "./limits.js";
import { refuseBadMountPath, refuseTwice, sortedBy } from "./paths.js";
import { secretUseOf, secretVersionOf } from "./source.js";

/** What a request changes of a configuration. Throws "invalid"; no value shows in the words. */
export function configChangeOf(field: string, patch: ConfigPatch): ConfigChange {
  const setVariables = variablesOf(`${field}.set_variables`, patch.setVariables);
  const setFiles = filesOf(`${field}.set_files`, patch.setFiles);
  const setSecretMounts = secretMountsOf(`${field}.set_secret_mounts`, patch.setSecretMounts);
  refuseBoth(`${field}.unset_variables`, setVariables.map(nameOf), patch.unsetVariables);
  refuseBoth(`${field}.unset_files`, setFiles.map(pathOf), patch.unsetFiles);
  refuseBoth(`${field}.unset_secret_mounts`, setSecretMounts.map(pathOf), patch.unsetSecretMounts);
  return {
    setVariables,
    unsetVariables: [...patch.unsetVariables],
    setFiles,
    unsetFiles: [...patch.unsetFiles],
    setSecretMounts,
    unsetSecretMounts: [...patch.unsetSecretMounts],
  };
}

const nameOf = ({ name }: { readonly name: string }): string => name;
const pathOf = ({ path }: { readonly path: string }): string => path;

function variablesOf(field: string, variables: readonly Variable[]): VariableContent[] {
  const names = new Set<string>();
  const given = variables.map(({ name, value, sensitive, secret }, i): VariableContent => {
    const at = `${field}[${i}]`;
    refuseTwice(names, name, `${at}.name`);
    if (secret === undefined) return { name, value, sensitive };
    if (value !== "") throw invalidField(`${at}.value`, "must be empty where the value is taken from a secret");
    return { name, value, sensitive, use: secretUseOf(`${at}.secret`, secret) };
  });
  return sortedBy(given, nameOf);
}

function filesOf(field: string, files: readonly ConfigFile[]): ConfigChange["setFiles"] {
  const paths = new Set<string>();
  const given = files.map(({ path, content }, i) => {
    refuseBadMountPath(`${field}[${i}].path`, path);
    refuseTwice(paths, path, `${field}[${i}].path`);
    return { path, content };
  });
  if (textBytes(given.map(({ content }) => content)) > mostFileBytes) {
    throw invalidField(field, "must have 512 KiB together at most");
  }
  return sortedBy(given, pathOf);
}

function secretMountsOf(field: string, mounts: readonly SecretMount[]): ConfigChange["setSecretMounts"] {
  const paths = new Set<string>();
  const given = mounts.map(({ secret, path, version }, i) => {
    const at = `${field}[${i}]`;
    refuseBadMountPath(`${at}.path`, path);
    refuseTwice(paths, path, `${at}.path`);
    return { secret: secret.toLowerCase(), path, ...secretVersionOf(at, version) };
  });
  return sortedBy(given, pathOf);
}

function refuseBoth(field: string, set: readonly string[], unset: readonly string[]): void {
  const names = new Set(set);
  const i = unset.findIndex((name) => names.has(name));
  if (i !== -1) throw invalidField(`${field}[${i}]`, "is set by the same change");
}
