import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ReleaseCause, ReleaseStatus, RollbackPart } from "../../../../gen/ts/deploy/v1/release_pb.js";
import { TaskKind, TaskService } from "../../../../gen/ts/deploy/v1/task_pb.js";
import { releases } from "../../../../src/resources/deploy/release/table.js";
import { routes } from "../../../../src/resources/deploy/route/table.js";
import { deploymentTasks } from "../../../../src/resources/deploy/task/table.js";
import { startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { refusal } from "../../support/refusals.js";
import { deploymentsOf, image, setting } from "../deployment/deployments.js";

let platform: TestPlatform;
let tenant: TestTenant;
let all: Awaited<ReturnType<typeof deploymentsOf>>;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  tenant = await platform.newTenant();
  all = await deploymentsOf(platform, tenant);
});
afterAll(() => platform.close());

const db = () => platform.platform.db;
const named = (uuid: string) => ({ project: tenant.project, deployment: uuid });
const imageOf = async (uuid: string, number: number) => (await all.release(uuid, number)).source?.source.value;

/** A deployment with three releases that were active: images 1 to 3, the variable N from 1 to 3. */
async function three(): Promise<string> {
  const uuid = await all.running({ config: setting({ N: "1" }) });
  for (const n of ["2", "3"]) {
    await all.releases.create({ ...named(uuid), source: image(`shop:${n}`), config: setting({ N: n }) }, all.owner);
    await all.work(uuid);
  }
  return uuid;
}

describe("a release", () => {
  it("is made of what is given, and else of what is active [tsuru.app-deploy]", async () => {
    const uuid = await all.running({ config: setting({ HELLO: "world" }) });
    const { release, task } = await all.releases.create(
      { ...named(uuid), source: image("shop:2"), summary: "the second" },
      all.owner,
    );
    expect(release).toMatchObject({ number: 2, cause: ReleaseCause.UPDATED, summary: "the second", task: task?.uuid });
    expect(release?.configuration?.variables).toMatchObject([{ name: "HELLO", value: "world" }]);
    expect(task).toMatchObject({ kind: TaskKind.RELEASE, release: 2 });
    await all.work(uuid);
    expect(await all.release(uuid, 2)).toMatchObject({ status: ReleaseStatus.ACTIVE, activatedAt: expect.anything() });
    expect(await all.release(uuid, 1)).toMatchObject({ status: ReleaseStatus.SUPERSEDED });
  });

  it("that failed keeps its number, and the one before stays active", async () => {
    const uuid = await all.running();
    await all.configure(uuid, setting({ A: "1" }));
    await all.work(uuid, "failed", "it crashes");
    expect(await all.release(uuid, 2)).toMatchObject({ status: ReleaseStatus.FAILED, message: "it crashes" });
    expect(await all.get(uuid)).toMatchObject({ activeRelease: 1 });
    expect((await all.configure(uuid, setting({ B: "1" }))).release).toMatchObject({ number: 3, summary: "added B" });
  });

  it("is read by its number, as it would be now while it waits [tsuru.deploy-info, deis.releases-info]", async () => {
    const uuid = await all.running({ config: setting({ A: "1" }) });
    await all.configure(uuid, setting({ B: "2" }));
    await all.configure(uuid, setting({ C: "3" }));
    const names = async (number: number) =>
      (await all.release(uuid, number)).configuration?.variables.map(({ name }) => name);
    expect(await names(3)).toEqual(["A", "C"]);
    await all.work(uuid);
    expect(await names(3)).toEqual(["A", "B", "C"]);
    expect(await refusal(all.release(uuid, 4))).toMatchObject({ code: "NotFound" });
  });

  it("is listed, newest first, page by page and without values [tsuru.deploy-list, deis.releases-list]", async () => {
    const own = await deploymentsOf(platform, await platform.newTenant());
    const first = await own.running({ config: setting({ HELLO: "world" }) });
    const second = await own.running();
    for (let i = 0; i < 4; i += 1) {
      await own.configure(first, setting({ N: `${i}` }));
      await own.work(first);
    }
    const page = async (pageToken: string, deployment = "") => {
      const answer = await own.releases.list({ project: own.project, deployment, pageSize: 2, pageToken }, own.owner);
      return { numbers: answer.releases.map(({ number }) => number), ...answer };
    };
    const pages: number[][] = [];
    let token = "";
    do {
      const { numbers, nextPageToken, releases: shown } = await page(token, first);
      for (const { configuration, task } of shown) {
        expect(configuration).toBeUndefined();
        expect(task).toMatch(/-/);
      }
      pages.push(numbers);
      token = nextPageToken;
    } while (token !== "");
    expect(pages).toEqual([[5, 4], [3, 2], [1]]);
    const whole = await page("");
    expect(whole.numbers).toEqual([5, 4]);
    const { releases: ofAll } = await own.releases.list(
      { project: own.project, environment: own.environment },
      own.owner,
    );
    expect(ofAll.map(({ deployment }) => deployment)).toEqual([first, first, first, first, second, first]);
    for (const pageToken of ["nonsense", whole.nextPageToken]) {
      expect(await refusal(page(pageToken, first))).toMatchObject({ code: "InvalidArgument", fields: ["page_token"] });
    }
    expect(
      await refusal(own.releases.list({ project: own.project, deployment: own.project }, own.owner)),
    ).toMatchObject({
      code: "NotFound",
    });
  });

  it("is deleted when nothing needs it; its number is not used again [tsuru.app-version-delete]", async () => {
    const uuid = await three();
    const remove = (number: number) => all.releases.delete({ ...named(uuid), number }, all.owner);
    const { newId, clock } = platform.platform;
    const stamps = { createdAt: clock(), updatedAt: clock() };
    const route = { id: newId(), tenant: tenant.tenant, project: tenant.project, deployment: uuid, router: "" };
    const traffic = [{ release: 2, percent: 10 }];
    await db()
      .insert(routes)
      .values({ ...route, hostname: `${uuid}.example`, tls: { type: "none" }, traffic, ...stamps });
    await all.releases.rollback({ ...named(uuid), number: 1 }, all.owner);
    for (const [number, message] of [
      [3, "is active"],
      [4, "waits for its turn"],
      [2, "has traffic"],
      [1, "goes back to"],
    ] as const) {
      expect(await refusal(remove(number))).toMatchObject({
        code: "FailedPrecondition",
        message: expect.stringContaining(message),
      });
    }
    await all.work(uuid, "failed", "no");
    expect((await remove(4)).release).toMatchObject({ number: 4, status: ReleaseStatus.FAILED });
    expect((await remove(1)).release).toMatchObject({ number: 1 });
    expect(await refusal(remove(1))).toMatchObject({ code: "NotFound" });
    expect((await all.configure(uuid, setting({ A: "1" }))).release?.number).toBe(5);
  });

  it("that is made again waits until it is healthy, whatever the one before it came to", async () => {
    const uuid = await all.running();
    await all.configure(uuid, setting({ A: "1" }));
    const task = await all.work(uuid, "expired", "it took too long");
    const names = ["resolve", "apply", "release-job", "workloads", "wait"];
    const steps = names.map((name) => ({ name, state: "succeeded" as const, message: "" }));
    await db()
      .update(deploymentTasks)
      .set({ steps })
      .where(eq(deploymentTasks.id, task?.id ?? ""));
    await platform.client(TaskService).retry({ project: tenant.project, uuid: task?.id ?? "" }, all.owner);
    const [again] = await all.tasks(uuid);
    expect(again?.steps.map(({ name }) => name)).toEqual(["release-job"]);
  });

  it("does not change once it is settled", async () => {
    const uuid = await all.running();
    for (const change of [{ number: 7 }, { usesSecrets: [uuid] }, { status: "failed" as const }]) {
      await expect(db().update(releases).set(change).where(eq(releases.deployment, uuid))).rejects.toThrow();
    }
  });
});

describe("going back", () => {
  it("is to source and configuration, or one of them [tsuru.deploy-rollback, deis.releases-rollback]", async () => {
    const uuid = await three();
    const back = async (order: { number?: number; part?: RollbackPart }) => {
      const { release } = await all.releases.rollback({ ...named(uuid), ...order }, all.owner);
      await all.work(uuid);
      return { ...release, variables: await all.config(uuid), image: await imageOf(uuid, release?.number ?? 0) };
    };
    expect(await back({ number: 1 })).toMatchObject({
      ...{ number: 4, cause: ReleaseCause.ROLLBACK, rollbackOf: 1, summary: "rolled back to release 1" },
      ...{ variables: { N: "1" }, image: { image: "registry.example/shop:1" } },
    });
    expect(await back({})).toMatchObject({ rollbackOf: 3, variables: { N: "3" } });
    expect(await back({ number: 1, part: RollbackPart.CONFIG })).toMatchObject({
      ...{ variables: { N: "1" }, image: { image: "registry.example/shop:3" } },
    });
    expect(await back({ number: 2, part: RollbackPart.SOURCE })).toMatchObject({
      ...{ variables: { N: "1" }, image: { image: "registry.example/shop:2" } },
    });
  });

  it("does not shrink what runs", async () => {
    const uuid = await three();
    await all.client.scale({ ...named(uuid), replicas: { web: 4 } }, all.owner);
    await all.work(uuid);
    await all.releases.rollback({ ...named(uuid), number: 1 }, all.owner);
    await all.work(uuid);
    expect((await all.get(uuid)).processes).toMatchObject([{ replicas: 4 }]);
  });

  it("can be forbidden, with the reason why [tsuru.deploy-rollback-update]", async () => {
    const uuid = await three();
    const set = async (rollbackDisabled: boolean) =>
      (await all.releases.update({ ...named(uuid), number: 1, rollbackDisabled, reason: "it leaks" }, all.owner))
        .release;
    expect(await set(true)).toMatchObject({ rollbackDisabled: true, rollbackDisabledReason: "it leaks" });
    const back = () => refusal(all.releases.rollback({ ...named(uuid), number: 1 }, all.owner));
    expect(await back()).toMatchObject({ code: "FailedPrecondition", message: expect.stringContaining("it leaks") });
    expect(await set(false)).toMatchObject({ rollbackDisabled: false, rollbackDisabledReason: "" });
    expect(await back()).toMatchObject({ code: "OK" });
  });

  it("is refused to what failed, has not run, or is not there", async () => {
    const uuid = await all.running();
    const back = (number: number) => refusal(all.releases.rollback({ ...named(uuid), number }, all.owner));
    expect(await back(0)).toMatchObject({ code: "FailedPrecondition" });
    expect(await back(9)).toMatchObject({ code: "NotFound" });
    await all.configure(uuid, setting({ A: "1" }));
    expect(await back(2)).toMatchObject({ message: expect.stringContaining("has not run") });
    await all.work(uuid, "failed", "no");
    expect(await back(2)).toMatchObject({ message: expect.stringContaining("has failed") });
  });
});

describe("a redeployment", () => {
  it("resolves what runs again, and releases it [tsuru.deploy-rebuild, tsuru.app-routes-rebuild, tsuru.node-container-upgrade]", async () => {
    const uuid = await all.running({ config: setting({ A: "1" }) });
    const { release, task } = await all.releases.redeploy(named(uuid), all.owner);
    expect(release).toMatchObject({ number: 2, cause: ReleaseCause.UPDATED });
    expect(task).toMatchObject({ kind: TaskKind.RELEASE, release: 2 });
    expect(release?.source).toEqual((await all.release(uuid, 1)).source);
    expect(release?.configuration?.variables).toMatchObject([{ name: "A" }]);
  });

  it("is of what will run when all that waits is done", async () => {
    const uuid = await all.running();
    await all.releases.create({ ...named(uuid), source: image("shop:2") }, all.owner);
    await all.releases.redeploy(named(uuid), all.owner);
    for (let i = 0; i < 2; i += 1) await all.work(uuid);
    expect(await imageOf(uuid, 3)).toMatchObject({ image: "registry.example/shop:2" });
    const executeAt = timestampFromDate(new Date(Date.now() + 3_600_000));
    await all.releases.create({ ...named(uuid), source: image("shop:1"), options: { executeAt } }, all.owner);
    const { release } = await all.releases.redeploy(named(uuid), all.owner);
    expect(release?.source?.source.value).toMatchObject({ image: "registry.example/shop:2" });
    const { uuid: failed } = await all.create();
    await all.work(failed, "failed", "no");
    expect(await refusal(all.releases.redeploy(named(failed), all.owner))).toMatchObject({
      code: "FailedPrecondition",
    });
  });
});
