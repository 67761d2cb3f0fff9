import { DomainError } from "../../../errors.js";
import type { ChartSource, ConfigContent, ProcessContent, ReleaseChange, WholeRelease } from "./content.js";
import { mostFileBytes, mostFiles, mostSecretMounts, mostVariableBytes, mostVariables, textBytes } from "./limits.js";
import { isInside } from "./paths.js";

/** Refuses, as "precondition", a release that could not run as a whole. No value shows in the words. */
export function refuseUnrunnable({ source, processes, config }: WholeRelease, { config: change }: ReleaseChange): void {
  refuseTooMuch(config);
  if (source.type === "chart") refuseUnusable(source, config, change);
  for (const process of processes) refuseOverlaps(process, config);
}

function refuseTooMuch({ variables, files, secretMounts }: ConfigContent): void {
  const limits: readonly (readonly [is: number, most: number, what: string])[] = [
    [variables.length, mostVariables, `${mostVariables} variables`],
    [files.length, mostFiles, `${mostFiles} files`],
    [secretMounts.length, mostSecretMounts, `${mostSecretMounts} mounts of secrets`],
    [textBytes(variables.flatMap(({ name, value }) => [name, value])), mostVariableBytes, "512 KiB of variables"],
    [textBytes(files.map(({ content }) => content)), mostFileBytes, "512 KiB of files"],
  ];
  for (const [is, most, what] of limits) {
    if (is > most) throw refused(`the configuration may have ${what} at most: unset some`);
  }
}

/** What a chart cannot take. Files and mounts that were there before stay for when an image comes back. */
function refuseUnusable(
  { variablesPath }: ChartSource,
  { variables }: ConfigContent,
  change: ReleaseChange["config"],
): void {
  if (variables.length > 0 && variablesPath === "") {
    throw refused(
      "the configuration has variables, and the chart has no place for them: set variables_path, or unset them",
    );
  }
  if (change !== undefined && change.setFiles.length + change.setSecretMounts.length > 0) {
    throw refused("files and mounts of secrets are for images: give a chart its secrets by secret_values");
  }
}

/** Two things at one path cannot be mounted, nor anything within a file or a secret, which nobody can write to. */
function refuseOverlaps({ name, mounts, storage }: ProcessContent, { files, secretMounts }: ConfigContent): void {
  const closed = [...files, ...secretMounts].map(({ path }) => path);
  const open = [...mounts, ...(storage === undefined ? [] : [storage])].map(({ path }) => path);
  for (const [i, outer] of closed.entries()) {
    const inner = [...closed.slice(0, i), ...closed.slice(i + 1), ...open].find((path) => isInside(path, outer));
    if (inner !== undefined) {
      throw refused(
        `process ${name} cannot have ${inner} within ${outer}, which is a file or a secret of the configuration`,
      );
    }
  }
}

const refused = (message: string): DomainError => new DomainError("precondition", message);
