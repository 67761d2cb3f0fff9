import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import type { DeploymentRow } from "../deployment/store.js";
import type { WholeRelease } from "../spec/content.js";
import { openChange } from "../spec/seal.js";
import { draftRelease, wholeRelease } from "./settle.js";
import type { ReleaseRow } from "./store.js";

/** All of a release, or what it would be now; undefined for one that failed before that was decided, or cannot be. */
export async function contentOf(
  platform: Platform,
  deployment: DeploymentRow,
  row: ReleaseRow,
): Promise<WholeRelease | undefined> {
  if (row.content !== null) return await wholeRelease(platform, row);
  if (row.status !== "pending") return undefined;
  const change = await openChange(platform.keyring, row.changeSealed);
  try {
    return (await draftRelease(platform, platform.db, deployment, change)).release;
  } catch (error) {
    if (error instanceof DomainError) return undefined;
    throw error;
  }
}
