import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { conditionOf, eventually, type Json, paths, type Stage, startStage } from "./support.js";

let stage: Stage;
/** A clock that stands shortly before a full minute when the tests begin. */
const shift = 58_000 - (Date.now() % 60_000);
const clock = () => new Date(Date.now() + shift);
beforeAll(async () => {
  stage = await startStage({ clock });
});
afterAll(() => stage.close());

const at = (name: string) => `${paths.jobs}/${name}`;
const template = (script: string, restartPolicy = "Never"): Json => ({
  spec: { restartPolicy, containers: [{ name: "main", image: "busybox", command: ["sh", "-c", script] }] },
});
const create = (name: string, spec: Json) => stage.create(paths.jobs, { metadata: { name }, spec });
const podsOfJob = (name: string): Promise<Json[]> => stage.list(`${paths.pods}?labelSelector=job-name%3D${name}`);
const ends = (name: string, type: "Complete" | "Failed", reason: string) =>
  eventually(async () => {
    const job = await stage.get(at(name));
    expect(conditionOf(job, type)).toMatchObject({ status: "True", reason });
    return job;
  });

describe("a Job", () => {
  it("runs as many pods as it needs, never more at once than it may", async () => {
    let most = 0;
    const stop = stage.store.watch({ group: "batch", resource: "jobs" }, ({ object }) => {
      most = Math.max(most, Number(object.status?.active ?? 0));
    });
    await create("several", { completions: 5, parallelism: 2, template: template("sleep 1; echo done") });
    const job = await ends("several", "Complete", "CompletionsReached");
    stop();
    expect(most).toBe(2);
    expect(job.status).toMatchObject({ succeeded: 5, failed: 0, active: 0, completionTime: expect.any(String) });
    expect(conditionOf(job, "SuccessCriteriaMet").status).toBe("True");
    expect(await podsOfJob("several")).toHaveLength(5);
  });

  it("numbers its pods when it is told to", async () => {
    const script = "echo $JOB_COMPLETION_INDEX";
    await create("indexed", { completions: 3, parallelism: 3, completionMode: "Indexed", template: template(script) });
    const job = await ends("indexed", "Complete", "CompletionsReached");
    expect(job.status.completedIndexes).toBe("0,1,2");
    for (const pod of await podsOfJob("indexed")) {
      const index = pod.metadata.annotations["batch.kubernetes.io/job-completion-index"];
      const log = await stage.send("GET", `${paths.pods}/${pod.metadata.name}/log`);
      expect(log.text).toContain(`\n${index}\n`);
    }
  });

  it("gives up after too many failures", async () => {
    await create("hopeless", { backoffLimit: 2, template: template("exit 5") });
    const job = await ends("hopeless", "Failed", "BackoffLimitExceeded");
    expect(job.status).toMatchObject({ failed: 3, succeeded: 0 });
    const codes = (await podsOfJob("hopeless")).map(
      ({ status }) => status.containerStatuses[0].state.terminated.exitCode,
    );
    expect(codes).toEqual([5, 5, 5]);
    await create("restarting", { backoffLimit: 1, template: template("exit 1", "OnFailure") });
    await ends("restarting", "Failed", "BackoffLimitExceeded");
  });

  it("gives up after its deadline", async () => {
    await create("endless", { activeDeadlineSeconds: 60, template: template("sleep infinity") });
    await ends("endless", "Failed", "DeadlineExceeded");
    await eventually(async () => expect(await podsOfJob("endless")).toEqual([]));
  });

  it("waits while it is suspended", async () => {
    await create("asleep", { suspend: true, template: template("true") });
    await eventually(async () => expect(conditionOf(await stage.get(at("asleep")), "Suspended")?.status).toBe("True"));
    expect(await podsOfJob("asleep")).toEqual([]);
    await stage.patch(at("asleep"), { spec: { suspend: false } });
    await ends("asleep", "Complete", "CompletionsReached");
  });

  it("is deleted with its pods some time after its end", async () => {
    await create("brief", { ttlSecondsAfterFinished: 30, template: template("true") });
    await eventually(async () => {
      expect((await stage.send("GET", at("brief"))).code).toBe(404);
      expect(await podsOfJob("brief")).toEqual([]);
    });
  });
});

describe("a CronJob", () => {
  const cron = (name: string) => `${paths.cronJobs}/${name}`;
  const jobsOf = async (name: string): Promise<Json[]> =>
    (await stage.list(paths.jobs)).filter(({ metadata }) => metadata.ownerReferences?.[0]?.name === name);
  const createCron = (name: string, spec: Json, script = "echo tick") =>
    stage.create(paths.cronJobs, {
      metadata: { name },
      spec: { schedule: "* * * * *", jobTemplate: { spec: { template: template(script) } }, ...spec },
    });

  it("starts its Job at the minute, in its time zone, and not while it is suspended", async () => {
    await createCron("ticking", {});
    await createCron("suspended", { suspend: true });
    await createCron("elsewhere", { schedule: "* 0-23 * * *", timeZone: "Asia/Kathmandu" });
    await createCron("wrong", { schedule: "every day" });
    const [job] = await eventually(async () => {
      const jobs = await jobsOf("ticking");
      expect(jobs.length).toBeGreaterThan(0);
      return jobs;
    });
    const scheduled = job.metadata.annotations["batch.kubernetes.io/cronjob-scheduled-timestamp"];
    expect(scheduled).toMatch(/:00Z$/);
    expect(job.metadata.name).toBe(`ticking-${Date.parse(scheduled) / 60_000}`);
    await eventually(async () => {
      const { status } = await stage.get(cron("ticking"));
      expect(status).toMatchObject({ lastScheduleTime: scheduled, lastSuccessfulTime: expect.any(String) });
    });
    await eventually(async () => expect(await jobsOf("elsewhere")).toHaveLength(1));
    expect(await jobsOf("suspended")).toEqual([]);
    const events = await stage.list(paths.events);
    expect(events.map(({ reason }) => reason)).toContain("UnparseableSchedule");
  });

  it("keeps to its concurrency policy and its history", async () => {
    const past = (minutes: number) => new Date(clock().getTime() - minutes * 60_000).toISOString();
    const since = async (name: string, minutes: number) =>
      await stage.patch(`${cron(name)}/status`, { status: { lastScheduleTime: past(minutes) } });
    await createCron("single", { concurrencyPolicy: "Forbid" }, "sleep infinity");
    await since("single", 2);
    await eventually(async () => expect(await jobsOf("single")).toHaveLength(1));
    await since("single", 3);
    await eventually(async () => {
      const events = await stage.list(paths.events);
      expect(events.map(({ reason }) => reason)).toContain("JobAlreadyActive");
    });
    expect(await jobsOf("single")).toHaveLength(1);
    await createCron("kept", { successfulJobsHistoryLimit: 1, schedule: "*/7 * * * *" });
    const names = new Set<string>();
    const stop = stage.store.watch({ group: "batch", resource: "jobs" }, ({ object }) => {
      if (object.metadata.ownerReferences?.[0]?.name === "kept") names.add(object.metadata.name);
    });
    await since("kept", 10);
    await eventually(async () => expect((await stage.get(cron("kept"))).status.lastSuccessfulTime).toBeDefined());
    stop();
    expect(names.size).toBe(1);
    expect(await jobsOf("kept")).toHaveLength(1);
  });
});
