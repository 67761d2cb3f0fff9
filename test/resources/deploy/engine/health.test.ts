import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inventoryOf, pruneInventory } from "../../../../src/resources/deploy/engine/apply.js";
import type { RenderInput } from "../../../../src/resources/deploy/engine/engine.js";
import { eventually, paths } from "../../../kube/embedded/workloads/support.js";
import { chart, contents, image, input, type Json, process, release } from "./releases.js";
import { apply, type EngineStage, look, manifestsOf, reaches, soon, startEngineStage } from "./stage.js";

let stage: EngineStage;
beforeAll(async () => {
  stage = await startEngineStage();
});
afterAll(() => stage.close());

describe("an image that does not run", () => {
  const broken = (fault: string) =>
    input({ objectName: fault, release: release({ source: image(`registry.example/${fault}`) }) });

  it.each([
    ["crash-loop", /CrashLoopBackOff: container web ended with 1 \(Error\)/],
    ["pull-error", /(ErrImagePull|ImagePullBackOff): container web /],
  ])("is unhealthy by %s, with the reason", async (fault, reason) => {
    const given = broken(fault);
    await apply(stage, given);
    await eventually(async () => {
      const seen = await look(stage, given);
      expect(seen).toMatchObject({ health: "unhealthy", message: expect.stringMatching(reason) });
      expect(seen.processes.web).toMatchObject({ current: 1, ready: 0, message: expect.stringMatching(reason) });
    });
  });

  it("is progressing until it is out of time when it never becomes ready, then nobody has to wait any more", async () => {
    const given = { ...broken("never-ready"), rolloutSeconds: 120 };
    await apply(stage, given);
    expect((await look(stage, given)).failed).toBe(false);
    const seen = await reaches(stage, given, "unhealthy");
    expect(seen).toMatchObject({ failed: true, message: expect.stringContaining("ProgressDeadlineExceeded") });
  });

  it("is degraded while the release before goes on, and healthy when that is applied again", async () => {
    const good = input({ objectName: "undo", scale: { web: { replicas: 2 } } });
    await apply(stage, good);
    await reaches(stage, good, "healthy");
    const bad = { ...good, number: 2, release: release({ source: image("registry.example/pull-error") }) };
    await apply(stage, bad);
    const seen = await reaches(stage, bad, "degraded");
    expect(seen.message).toMatch(/Deployment undo-web: .*(ErrImagePull|ImagePullBackOff)/);
    await apply(stage, good);
    await reaches(stage, good, "healthy");
  });

  it("says what is beyond a quota", async () => {
    await stage.create("/api/v1/namespaces", { metadata: { name: "tight" } });
    await stage.create("/api/v1/namespaces/tight/resourcequotas", {
      metadata: { name: "few" },
      spec: { hard: { pods: "1" } },
    });
    const given = input({ objectName: "much", scale: { web: { replicas: 2 } } });
    const tight = { ...given, owner: { ...given.owner, namespace: "tight" } };
    await apply(stage, tight);
    await eventually(async () => expect((await look(stage, tight)).message).toContain("exceeded quota"));
  });

  it("STATEFUL tells it, too", async () => {
    const db = process({ name: "db", kind: "stateful" });
    const given = input({
      objectName: "bad-db",
      release: release({ source: image("registry.example/crash-loop"), processes: [db] }),
    });
    await apply(stage, given);
    await eventually(async () => {
      const seen = await look(stage, given);
      expect(seen).toMatchObject({ health: "unhealthy", message: expect.stringContaining("CrashLoopBackOff") });
    });
  });
});

const secrets = contents([["s", 1, { token: "hunter2" }]]);
const ofChart = (objectName: string, source: Parameters<typeof chart>[0], more: Partial<RenderInput> = {}) =>
  input({ objectName, secrets, release: release({ source: chart(source), processes: [] }), ...more });
const removed = async (given: RenderInput) => {
  const entries = inventoryOf("t", manifestsOf(given));
  await eventually(async () => expect(await pruneInventory(stage.client, given.owner, entries, soon())).toEqual([]));
};

describe("a chart by Flux", () => {
  const secretValues = [{ path: "secret.TOKEN", use: { secret: "s", key: "token", version: 1, follows: true } }];

  it("is installed with its secret values, upgraded, and taken away with all that it made", async () => {
    const values = { replicas: 2, secret: { TOKEN: "" } };
    const given = ofChart("flux-web", { values, secretValues });
    await apply(stage, given);
    expect(await reaches(stage, given, "healthy")).toMatchObject({ processes: {} });
    expect((await stage.get(`${paths.deployments}/flux-web`)).status.readyReplicas).toBe(2);
    const secret = await stage.get(`${paths.secrets}/flux-web`);
    expect(Buffer.from(secret.data.TOKEN, "base64").toString()).toBe("hunter2");
    const next = ofChart("flux-web", { resolvedVersion: "2.0.0" });
    const upgraded = { ...next, owner: given.owner, number: 2 };
    await apply(stage, upgraded);
    await reaches(stage, upgraded, "healthy");
    const { spec } = (await stage.get(`${paths.deployments}/flux-web`)).spec.template;
    expect(spec.containers[0].image).toBe("registry.example/demo-web:2.0.0");
    await removed(upgraded);
    expect((await stage.send("GET", `${paths.deployments}/flux-web`)).code).toBe(404);
  });

  it("comes from an OCI registry", async () => {
    const given = ofChart("flux-oci", { repository: "oci://registry.example/charts" });
    await apply(stage, given);
    await reaches(stage, given, "healthy");
  });

  it("that never becomes ready fails in time, and one that is not there says so", async () => {
    const given = ofChart("flux-bad", { name: "demo-broken", resolvedVersion: "1.0.0" }, { rolloutSeconds: 120 });
    await apply(stage, given);
    await eventually(async () => expect(await look(stage, given)).toMatchObject({ failed: true, health: "unhealthy" }));
    expect((await look(stage, given)).message).toContain("HelmRelease flux-bad: InstallFailed");
    const unknown = ofChart("flux-none", { resolvedVersion: "9.9.9" });
    await apply(stage, unknown);
    await eventually(async () => {
      const seen = await look(stage, unknown);
      expect(seen).toMatchObject({ health: "unhealthy", failed: false });
      expect(seen.message).toContain("9.9.9");
    });
    const back = { ...unknown, number: 2, release: ofChart("x", {}).release };
    await apply(stage, back);
    await reaches(stage, back, "healthy");
  });

  it("tells why its Pods do not start before its time is over", async () => {
    const given = ofChart("flux-pull", { values: { image: "registry.example/pull-error" } }, { rolloutSeconds: 6_000 });
    await apply(stage, given);
    const seen = await reaches(stage, given, "unhealthy");
    expect(seen).toMatchObject({ failed: false, message: expect.stringMatching(/ImagePull/) });
  });
});

describe("a chart by Argo CD", () => {
  it("is synced, follows its source, and takes its objects with it", async () => {
    const source = { engine: "argo_cd", variablesPath: "env" } as const;
    const given = ofChart("argo-web", { ...source, values: { replicas: 2 } });
    const config = { variables: [{ name: "COLOUR", value: "red", sensitive: false }], files: [], secretMounts: [] };
    const colourful = { ...given, release: { ...given.release, config } };
    await apply(stage, colourful);
    await reaches(stage, colourful, "healthy");
    const deployment = await stage.get(`${paths.deployments}/argo-web`);
    expect(deployment.spec.replicas).toBe(2);
    expect(deployment.spec.template.spec.containers[0].env).toEqual([{ name: "COLOUR", value: "red" }]);
    const next = { ...given, number: 2, release: ofChart("x", { ...source, resolvedVersion: "2.0.0" }).release };
    await apply(stage, next);
    await reaches(stage, next, "healthy");
    const { spec }: Json = (await stage.get(`${paths.deployments}/argo-web`)).spec.template;
    expect(spec.containers[0].image).toBe("registry.example/demo-web:2.0.0");
    await removed(next);
    expect((await stage.send("GET", `${paths.deployments}/argo-web`)).code).toBe(404);
  });

  it("says what cannot be compared, and why Pods do not start", async () => {
    const unknown = ofChart("argo-none", { engine: "argo_cd", name: "nothing" });
    await apply(stage, unknown);
    expect((await reaches(stage, unknown, "unhealthy")).message).toContain("ComparisonError");
    const broken = ofChart("argo-pull", { engine: "argo_cd", values: { image: "registry.example/pull-error" } });
    await apply(stage, broken);
    expect((await reaches(stage, broken, "unhealthy")).message).toMatch(/ImagePull/);
  });
});
