import type { ConfigContent, ReleaseChange, SecretUse, SourceContent, WholeRelease } from "./content.js";

/** Which version of a secret is used; a use of one of its values, or a mount of the whole. */
type Versioned = Pick<SecretUse, "secret" | "version" | "follows">;
type Change = <Use extends Versioned>(use: Use) => Use;

/** What a release needs besides itself: uuids, each once, in order. */
export interface ReleaseUses {
  readonly secrets: readonly string[];
  /** Secrets whose newer versions make a new release. */
  readonly follows: readonly string[];
  readonly volumeClaims: readonly string[];
}

/** The source with other versions of its secrets. */
export function withSourceUses<Source extends SourceContent>(source: Source, change: Change): Source {
  if (source.type === "image") return source;
  return { ...source, secretValues: source.secretValues.map(({ path, use }) => ({ path, use: change(use) })) };
}

/** The configuration with other versions of its secrets. */
export function withConfigUses(config: ConfigContent, change: Change): ConfigContent {
  return {
    variables: config.variables.map((each) => (each.use === undefined ? each : { ...each, use: change(each.use) })),
    files: config.files,
    secretMounts: config.secretMounts.map(change),
  };
}

/**
 * What a release uses. The registry's secret has no version: its newest content is what counts, so that a password
 * that was replaced reaches the target.
 */
export function usesOf({ source, processes, config }: WholeRelease): ReleaseUses {
  const uses = [...sourceUses(source), ...configUses(config)];
  const registry = registrySecrets(source);
  return {
    secrets: inOrder([...uses.map(({ secret }) => secret), ...registry]),
    follows: inOrder([...uses.flatMap(({ secret, follows }) => (follows ? [secret] : [])), ...registry]),
    volumeClaims: inOrder(processes.flatMap(({ mounts }) => mounts.map(({ volumeClaim }) => volumeClaim))),
  };
}

/** The secrets whose newest versions a merge may ask for: those of the change, and of the releases that it is made of. */
export function secretsNamed(change: ReleaseChange, ...releases: readonly (WholeRelease | undefined)[]): string[] {
  const { source, config } = change;
  const own =
    source === undefined ? [] : [...sourceUses(source).map(({ secret }) => secret), ...registrySecrets(source)];
  const set = [
    ...(config?.setVariables ?? []).flatMap(({ use }) => (use === undefined ? [] : [use.secret])),
    ...(config?.setSecretMounts ?? []).map(({ secret }) => secret),
  ];
  return inOrder([...own, ...set, ...releases.flatMap((each) => (each === undefined ? [] : usesOf(each).secrets))]);
}

const sourceUses = (source: SourceContent): Versioned[] =>
  source.type === "image" ? [] : source.secretValues.map(({ use }) => use);

const configUses = ({ variables, secretMounts }: ConfigContent): Versioned[] => [
  ...variables.flatMap(({ use }) => (use === undefined ? [] : [use])),
  ...secretMounts,
];

const registrySecrets = ({ registrySecret }: SourceContent): string[] =>
  registrySecret === "" ? [] : [registrySecret];

const inOrder = (ids: readonly string[]): string[] => [...new Set(ids)].toSorted();
