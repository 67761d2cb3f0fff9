import { create } from "@bufbuild/protobuf";
import { type ConfigPatch, ConfigPatchSchema, type Configuration } from "../../../../../gen/ts/deploy/v1/spec_pb.js";

/** A variable as it was changed; what is unset stays as it is. */
export interface VariableEdit {
  readonly value?: string;
  readonly sensitive?: boolean;
  readonly removed?: boolean;
}

/** A variable that is new. */
export interface NewVariable {
  readonly id: number;
  readonly name: string;
  readonly value: string;
  readonly sensitive: boolean;
  /** Secret and key instead of a value, with a space between. */
  readonly secret: string;
}

/** A file that is new. */
export interface NewFile {
  readonly id: number;
  readonly path: string;
  readonly content: string;
}

/** A mount of a secret that is new. */
export interface NewMount {
  readonly id: number;
  readonly path: string;
  readonly secret: string;
}

/** What was changed in a configuration and not saved. It is kept nowhere else: values may be secret. */
export interface ConfigEdits {
  readonly variables: Readonly<Record<string, VariableEdit>>;
  readonly newVariables: readonly NewVariable[];
  /** New content by path; null for a file that goes. */
  readonly files: Readonly<Record<string, string | null>>;
  readonly newFiles: readonly NewFile[];
  readonly removedMounts: readonly string[];
  readonly newMounts: readonly NewMount[];
}

export const noEdits: ConfigEdits = {
  variables: {},
  newVariables: [],
  files: {},
  newFiles: [],
  removedMounts: [],
  newMounts: [],
};

/** The change to send, and of which row each part of it is. */
export interface PlannedPatch {
  readonly patch: ConfigPatch;
  readonly count: number;
  /** Ids of rows, in the order of `set_variables`, `set_files` and `set_secret_mounts`. */
  readonly rows: Readonly<Record<"set_variables" | "set_files" | "set_secret_mounts", readonly string[]>>;
}

/** The change that edits come to, relative to a configuration; what is as it was is left out. */
export function patchOf(base: Configuration | undefined, edits: ConfigEdits): PlannedPatch {
  const changed = (base?.variables ?? []).flatMap((variable) => {
    const { value, sensitive, removed } = edits.variables[variable.name] ?? {};
    if (removed || variable.secret !== undefined) return [];
    const next = { name: variable.name, value: value ?? variable.value, sensitive: sensitive ?? variable.sensitive };
    const isSame = next.value === variable.value && next.sensitive === variable.sensitive;
    return isSame || (variable.sensitive && value === undefined) ? [] : [next];
  });
  const added = edits.newVariables.map(({ name, value, sensitive, secret }) => {
    const [uuid = "", key = ""] = secret.split(" ");
    return secret === "" ? { name, value, sensitive } : { name, secret: { secret: uuid, key } };
  });
  const files = (base?.files ?? []).filter(({ path, content }) => (edits.files[path] ?? content) !== content);
  const patch = create(ConfigPatchSchema, {
    setVariables: [...changed, ...added],
    unsetVariables: (base?.variables ?? []).map(({ name }) => name).filter((name) => edits.variables[name]?.removed),
    setFiles: [
      ...files.map(({ path }) => ({ path, content: edits.files[path] ?? "" })),
      ...edits.newFiles.map(({ path, content }) => ({ path, content })),
    ],
    unsetFiles: (base?.files ?? []).map(({ path }) => path).filter((path) => edits.files[path] === null),
    setSecretMounts: edits.newMounts.map(({ path, secret }) => ({ path, secret })),
    unsetSecretMounts: (base?.secretMounts ?? [])
      .map(({ path }) => path)
      .filter((path) => edits.removedMounts.includes(path)),
  });
  const { setVariables, unsetVariables, setFiles, unsetFiles, setSecretMounts, unsetSecretMounts } = patch;
  const parts = [setVariables, unsetVariables, setFiles, unsetFiles, setSecretMounts, unsetSecretMounts];
  return {
    patch,
    count: parts.reduce((sum, part) => sum + part.length, 0),
    rows: {
      set_variables: [...changed.map(({ name }) => name), ...edits.newVariables.map(({ id }) => `new ${id}`)],
      set_files: [...files.map(({ path }) => path), ...edits.newFiles.map(({ id }) => `new ${id}`)],
      set_secret_mounts: edits.newMounts.map(({ id }) => `new ${id}`),
    },
  };
}

/** What is wrong, by the kind and id of its row; under "" what belongs to no row. */
export function problemsByRow(
  violations: readonly { readonly field: string; readonly message: string }[],
  { rows }: PlannedPatch,
): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { field, message } of violations) {
    const [, kind = "", index = ""] = /(set_variables|set_files|set_secret_mounts)\[(\d+)\]/.exec(field) ?? [];
    const id = rows[kind as keyof PlannedPatch["rows"]]?.[Number(index)];
    found.set(id === undefined ? "" : `${kind} ${id}`, id === undefined ? `${field}: ${message}` : message);
  }
  return found;
}
