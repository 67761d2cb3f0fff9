import { DomainError } from "../../../../errors.js";
import { isRecord } from "../../../../record.js";
import type { ChartSource, WholeRelease } from "../../spec/content.js";
import { textValueOf, variableValue } from "../contents.js";
import type { RenderInput, SecretContents } from "../engine.js";

/** Values of a chart. */
export type ChartValues = Readonly<Record<string, unknown>>;

/** The chart of a release. Throws DomainError "precondition" for what charts do not take. */
export function chartOf({ source, config }: WholeRelease): ChartSource {
  if (source.type !== "chart") throw new DomainError("precondition", "an image has no chart");
  if (source.resolvedVersion === "") {
    throw new DomainError("precondition", `the chart ${source.name} is not resolved yet`);
  }
  if (config.files.length > 0 || config.secretMounts.length > 0) {
    throw new DomainError("precondition", "a chart takes neither files nor mounts of secrets: unset them");
  }
  if (config.variables.length > 0 && source.variablesPath === "") {
    throw new DomainError("precondition", "the chart has no place for variables: set variables_path, or unset them");
  }
  return source;
}

/** Refuses what only images can: no replicas, and a second release beside the active one. Throws DomainError "precondition". */
export function refuseScale({ stopped, variants }: RenderInput): void {
  if (stopped) throw new DomainError("precondition", "a chart cannot be scaled to zero: uninstall it instead");
  if (variants.length > 0) throw new DomainError("precondition", "a chart cannot run in two releases");
}

const pathOf = (path: string): string[] => path.split(".");

/** The values that are for nobody else: of secrets and of variables. Throws DomainError "precondition" when one is not there. */
export function secretValues({ source, config }: WholeRelease, contents: SecretContents): ChartValues {
  if (source.type !== "chart") return {};
  const variables = variablesOf(
    source,
    config.variables.map((each) => [each.name, variableValue(contents, each)]),
  );
  return source.secretValues.reduce<ChartValues>(
    (values, { path, use }) => withValue(values, pathOf(path), textValueOf(contents, use, `value ${path}`), path),
    variables,
  );
}

/** The values of a chart that hold variables. */
export function variablesOf(
  { variablesPath }: ChartSource,
  variables: readonly (readonly [name: string, value: string])[],
): ChartValues {
  if (variablesPath === "") return {};
  return variables.reduce<ChartValues>(
    (values, [name, value]) => withValue(values, [...pathOf(variablesPath), name], value, variablesPath),
    {},
  );
}

/** The values that are given, without those at the places of others, which else came before them. */
export function openValues(values: ChartValues, others: ChartValues): ChartValues {
  const kept = Object.entries(values).flatMap(([key, value]): [string, unknown][] => {
    if (!Object.hasOwn(others, key)) return [[key, value]];
    const other = others[key];
    if (!isRecord(value) || !isRecord(other)) return [];
    const rest = openValues(value, other);
    return Object.keys(rest).length === 0 ? [] : [[key, rest]];
  });
  return Object.fromEntries(kept);
}

/** Values with others laid over them, as Helm merges them. */
export function overlaid(values: ChartValues, over: ChartValues): ChartValues {
  const changed = Object.entries(over).map(([key, value]): [string, unknown] => {
    const before = Object.hasOwn(values, key) ? values[key] : undefined;
    return [key, isRecord(before) && isRecord(value) ? overlaid(before, value) : value];
  });
  return Object.fromEntries([...Object.entries(values), ...changed]);
}

function withValue(values: ChartValues, path: readonly string[], value: string, title: string): ChartValues {
  const [key = "", ...rest] = path;
  if (rest.length === 0) {
    if (isRecord(own(values, key))) throw clash(title);
    return Object.fromEntries([...Object.entries(values), [key, value]]);
  }
  const below = own(values, key) ?? {};
  if (!isRecord(below)) throw clash(title);
  return Object.fromEntries([...Object.entries(values), [key, withValue(below, rest, value, title)]]);
}

const own = (values: ChartValues, key: string): unknown => (Object.hasOwn(values, key) ? values[key] : undefined);

const clash = (path: string) =>
  new DomainError("precondition", `value ${path}: another value from a secret or variable is at a part of its path`);
