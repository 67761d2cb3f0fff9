import type { Command } from "commander";
import type { Release, ReleaseSchema } from "../../gen/ts/deploy/v1/release_pb.js";
import { wholeNumber } from "../flags.js";
import type { Kind } from "../output.js";
import { run } from "../run.js";
import type { Session } from "../session.js";
import { type DeploymentPlace, placeOf, sourceOf } from "./deployments.js";
import { wordOf } from "./enums.js";
import { addEnvironment, type EnvironmentFlag } from "./environments.js";
import { lazy } from "./lazy.js";
import { allTokenPages } from "./pages.js";
import { ageColumn, isoOf } from "./times.js";

const api = lazy(() => import("../../gen/ts/deploy/v1/release_pb.js"));

/** A client of the releases. */
export const releases = async (session: Session) => session.client((await api()).ReleaseService);

/** How releases are printed. */
export const releaseKind: Kind<typeof ReleaseSchema> = {
  schema: async () => (await api()).ReleaseSchema,
  name: ({ number }) => String(number),
  columns: [
    { header: "RELEASE", value: ({ number }) => number },
    { header: "STATUS", value: ({ status }) => wordOf(api.now().ReleaseStatus, status) },
    { header: "CAUSE", value: ({ cause, rollbackOf }) => causeOf(wordOf(api.now().ReleaseCause, cause), rollbackOf) },
    { header: "SUMMARY", value: ({ summary }) => summary },
    { header: "BY", value: ({ createdBy }) => createdBy },
    ageColumn(({ createdAt }) => createdAt),
    { header: "MESSAGE", value: ({ message }) => message },
    { header: "SOURCE", value: ({ source }) => sourceOf(source?.source), wide: true },
    { header: "ACTIVATED", value: ({ activatedAt }) => isoOf(activatedAt), wide: true },
    { header: "LOCKED", value: ({ rollbackDisabled }) => (rollbackDisabled ? "yes" : "no"), wide: true },
    { header: "TASK", value: ({ task }) => task, wide: true },
    { header: "DEPLOYMENT", value: ({ deployment }) => deployment, wide: true },
  ],
};

/** Prints a release that another service has answered; anew when an environment is given, for it has changed since. */
export async function showRelease(session: Session, answered: Release, environment?: string): Promise<void> {
  await api();
  const { project, deployment, number } = answered;
  const again = environment === undefined ? undefined : { project, environment, deployment, number };
  const { release = answered } = again === undefined ? {} : await (await releases(session)).get(again);
  await session.out.one(releaseKind, release);
}

/** Adds a command that lists releases of a deployment. */
export function addHistory(group: Command, name: string, description: string): Command {
  return addEnvironment(group.command(name))
    .description(description)
    .argument("<deployment>", "its name or uuid")
    .option("--limit <count>", "how many at most", wholeNumber(1, 10_000))
    .action(
      run(async (session, reference: string, flags: EnvironmentFlag & { readonly limit?: number }) => {
        const place = await placeOf(session, reference, flags);
        await session.out.list(releaseKind, await listReleases(session, place, flags.limit));
      }),
    );
}

/** The releases of a deployment, or of all, newest first. */
export async function listReleases(session: Session, place: DeploymentPlace, limit?: number) {
  const client = await releases(session);
  return await allTokenPages(async (pageToken, pageSize) => {
    const answer = await client.list({ ...place, pageToken, pageSize });
    return { items: answer.releases, nextPageToken: answer.nextPageToken };
  }, limit);
}

const causeOf = (cause: string, rollbackOf: number): string => (rollbackOf === 0 ? cause : `${cause} to ${rollbackOf}`);
