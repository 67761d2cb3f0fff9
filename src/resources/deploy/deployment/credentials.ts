import type { DeploymentServiceRevealCredentialsRequest } from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { secretKey } from "../engine/engine.js";
import { wholeRelease } from "../release/settle.js";
import { releaseStore } from "../release/store.js";
import { secretContents } from "./render-input.js";
import { found } from "./rules.js";
import { deploymentStore } from "./store.js";

/**
 * The sensitive variables of the active release, and those that are taken from secrets, with their values: the one
 * that is named, or all. Throws "missing" for a variable that is none of them, and "precondition" for a value that is no text.
 */
export async function revealCredentials(
  platform: Platform,
  request: DeploymentServiceRevealCredentialsRequest,
): Promise<Record<string, string>> {
  const { db } = platform;
  const { project, environment, deployment: id, variable: asked } = request;
  const deployment = found(await deploymentStore.get(db, { project, environment, id }), id);
  const row = await releaseStore.active(db, deployment.id);
  const release = row && (await wholeRelease(platform, row));
  const variables = (release?.config.variables ?? []).filter(
    ({ name, sensitive, use }) => (sensitive || use !== undefined) && (asked === "" || name === asked),
  );
  if (asked !== "" && variables.length === 0) {
    throw new DomainError(
      "missing",
      "the active release has no such variable that is sensitive or taken from a secret",
    );
  }
  const uses = variables.flatMap(({ use }) => (use === undefined ? [] : [use]));
  const contents = await secretContents(platform, project, uses);
  const values = variables.map(({ name, value, use }): [string, string] => {
    if (use === undefined) return [name, value];
    return [name, textOf(name, contents.get(secretKey(use.secret, use.version))?.get(use.key))];
  });
  return Object.fromEntries(values);
}

function textOf(name: string, bytes: Uint8Array | undefined): string {
  if (bytes === undefined) throw new DomainError("missing", `the key that ${name} is taken from is not there`);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new DomainError("precondition", `the value of ${name} is no text: reveal the secret that it is taken from`);
  }
}
