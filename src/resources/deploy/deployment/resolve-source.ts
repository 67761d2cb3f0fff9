import { DomainError } from "../../../errors.js";
import { startDeadline } from "../../../kube/deadline.js";
import type { Platform } from "../../../platform.js";
import type { RegistryCredentials } from "../../../registry/registry.js";
import { valuesOf } from "../secret/content.js";
import { secretStore } from "../secret/store.js";
import type { SourceContent } from "../spec/content.js";

/** How long a registry may take. */
const resolveMs = 20_000;

/** Whose secrets may be used. */
export interface SourceScope {
  readonly project: string;
  readonly environment: string;
}

/**
 * A source with the digest or version that its registry has for it now. Throws DomainError as the registry does, and
 * "missing" or "precondition" for a registry secret that is not there, or is none.
 */
export async function resolveSource<Source extends SourceContent>(
  platform: Pick<Platform, "db" | "keyring" | "registry">,
  scope: SourceScope,
  source: Source,
  signal: AbortSignal,
): Promise<SourceContent> {
  const credentials = await credentialsOf(platform, scope, source.registrySecret);
  const limit = startDeadline(resolveMs, signal);
  try {
    if (source.type === "image") {
      const { digest } = await platform.registry.resolveImage(source.image, credentials, limit.signal);
      return { ...source, digest };
    }
    const { version, digest } = await platform.registry.resolveChart(source, credentials, limit.signal);
    return { ...source, resolvedVersion: version, digest };
  } catch (error) {
    if (limit.signal.aborted && !signal.aborted && !(error instanceof DomainError)) {
      throw new DomainError("unavailable", "the registry does not answer in time", { cause: error });
    }
    throw error;
  } finally {
    limit.stop();
  }
}

async function credentialsOf(
  { db, keyring }: Pick<Platform, "db" | "keyring">,
  { project, environment }: SourceScope,
  secret: string,
): Promise<RegistryCredentials | undefined> {
  if (secret === "") return undefined;
  const key = { project, environment: "", id: secret };
  const row = await secretStore.get(db, key);
  const content = await secretStore.content(db, key);
  const isUsable = row !== undefined && (row.environment === null || row.environment === environment);
  if (!isUsable || content === undefined) {
    throw new DomainError("missing", `secret ${secret} does not exist in the project or the environment`);
  }
  if (row.type !== "registry") {
    throw new DomainError("precondition", `secret ${row.name} is none of a registry: name one of the type REGISTRY`);
  }
  const values = valuesOf(await keyring.open(content.dataSealed));
  const text = (name: string): string => new TextDecoder().decode(values[name]);
  return { server: text("server"), username: text("username"), password: text("password") };
}
