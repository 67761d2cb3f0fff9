import { DomainError } from "../../../errors.js";
import type {
  ConfigChange,
  ConfigContent,
  PlacementContent,
  ProcessContent,
  ReleaseChange,
  SourceContent,
  WholeRelease,
} from "./content.js";
import { refuseUnrunnable } from "./merge-rules.js";
import { sortedBy } from "./paths.js";
import { withConfigUses, withSourceUses } from "./uses.js";

export { secretsNamed, usesOf } from "./uses.js";

/** What a release is made of. */
export interface MergeInput {
  /** The release that is active; undefined before there is one. */
  readonly active?: WholeRelease | undefined;
  readonly change: ReleaseChange;
  /** The release that `change.rollback` names. */
  readonly rolledBack?: WholeRelease | undefined;
  /** What the environment says of nodes now. */
  readonly environment: Pick<PlacementContent, "nodeSelector" | "tolerations">;
  /** Where the deployment is now. */
  readonly placement: Pick<PlacementContent, "target" | "namespace">;
  /** The newest version of each of `secretsNamed` that the deployment may use. */
  readonly newestVersions: ReadonlyMap<string, number>;
}

/** What an image runs where its processes are not told. */
export const usualProcesses: readonly ProcessContent[] = [
  {
    name: "web",
    kind: "service",
    command: [],
    args: [],
    ports: [{ name: "http", port: 8080, protocol: "TCP" }],
    resources: { cpu: "", memory: "", cpuLimit: "", memoryLimit: "" },
    schedule: "",
    mounts: [],
    terminationGrace: 30,
    annotations: {},
  },
];

const nothing: ConfigContent = { variables: [], files: [], secretMounts: [] };

type Parts = Partial<Pick<WholeRelease, "source" | "processes">> & Pick<WholeRelease, "config">;

/**
 * A release as it will run: what is active, with the parts that are gone back to, then with the source and processes of
 * the change, then with its configuration. Secrets that are followed get their newest version, but those of what was
 * gone back to keep theirs. Pure. Throws DomainError "missing" for what is unset and not there, for secrets and versions
 * that are not there and for a release that is not; "precondition" for what cannot run.
 */
export function mergeRelease(input: MergeInput): WholeRelease {
  const { active, change, rolledBack, environment, placement, newestVersions } = input;
  const base = withRollback(active, change, rolledBack);
  const source = change.source ?? base.source;
  if (source === undefined) {
    throw new DomainError("precondition", "no release of the deployment was active yet: say what it runs, in source");
  }
  const processes = processesFor(source, change, base.processes ?? []);
  const config = change.config === undefined ? base.config : withChange(base.config, change.config);
  const resolve = resolver(newestVersions);
  if (source.registrySecret !== "") resolve({ secret: source.registrySecret, version: 0, follows: true });
  const merged: WholeRelease = {
    source: withSourceUses(source, resolve),
    processes,
    config: withConfigUses(config, resolve),
    placement: { ...(change.placement ?? placement), ...pickNodes(environment) },
  };
  refuseUnrunnable(merged, change);
  return merged;
}

const pickNodes = ({ nodeSelector, tolerations }: MergeInput["environment"]): MergeInput["environment"] => ({
  nodeSelector,
  tolerations,
});

/** What is active, its followed secrets open again, with the parts that are gone back to as they were. */
function withRollback(
  active: WholeRelease | undefined,
  { rollback }: ReleaseChange,
  rolledBack: WholeRelease | undefined,
): Parts {
  const base: Parts =
    active === undefined
      ? { config: nothing }
      : {
          source: withSourceUses(active.source, opened),
          processes: active.processes,
          config: withConfigUses(active.config, opened),
        };
  if (rollback === undefined) return base;
  if (rolledBack === undefined) throw new DomainError("missing", `release ${rollback.number} does not exist`);
  const { source, processes, config } = rolledBack;
  if (rollback.part === "source") return { ...base, source, processes };
  return rollback.part === "config" ? { ...base, config } : { source, processes, config };
}

const opened = <Use extends { readonly version: number; readonly follows: boolean }>(use: Use): Use =>
  use.follows ? { ...use, version: 0 } : use;

function resolver(newestVersions: ReadonlyMap<string, number>) {
  return <Use extends { readonly secret: string; readonly version: number }>(use: Use): Use => {
    const newest = newestVersions.get(use.secret);
    if (newest === undefined) {
      throw new DomainError("missing", `secret ${use.secret} does not exist in the project or the environment`);
    }
    if (use.version > newest) {
      throw new DomainError("missing", `secret ${use.secret} has no version ${use.version}: ${newest} is its newest`);
    }
    return use.version === 0 ? { ...use, version: newest } : use;
  };
}

function processesFor(
  source: SourceContent,
  change: ReleaseChange,
  base: readonly ProcessContent[],
): readonly ProcessContent[] {
  const { processes = base } = change;
  if (source.type === "image") return processes.length === 0 ? usualProcesses : processes;
  if ((change.processes ?? []).length > 0) {
    throw new DomainError("precondition", "processes are those of an image: a chart has its own");
  }
  return [];
}

function withChange(config: ConfigContent, change: ConfigChange): ConfigContent {
  const name = (each: { readonly name: string }) => each.name;
  const path = (each: { readonly path: string }) => each.path;
  return {
    variables: patched("variable", name, config.variables, change.setVariables, change.unsetVariables),
    files: patched("file", path, config.files, change.setFiles, change.unsetFiles),
    secretMounts: patched(
      "mount of a secret",
      path,
      config.secretMounts,
      change.setSecretMounts,
      change.unsetSecretMounts,
    ),
  };
}

function patched<Entry>(
  what: string,
  nameOf: (entry: Entry) => string,
  list: readonly Entry[],
  set: readonly Entry[],
  unset: readonly string[],
): Entry[] {
  const entries = new Map(list.map((entry) => [nameOf(entry), entry]));
  for (const name of unset) {
    if (!entries.delete(name)) {
      throw new DomainError("missing", `the configuration has no ${what} ${JSON.stringify(name)} to unset`);
    }
  }
  for (const entry of set) entries.set(nameOf(entry), entry);
  return sortedBy([...entries.values()], nameOf);
}
