import { afterAll, beforeAll, expect, it } from "vitest";
import { DifferenceKind, type ObjectDifference } from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import { inventoryOf } from "../../../../src/resources/deploy/engine/apply.js";
import { differences } from "../../../../src/resources/deploy/engine/difference.js";
import type { RenderInput } from "../../../../src/resources/deploy/engine/engine.js";
import { paths } from "../../../kube/embedded/workloads/support.js";
import { digest, image, input, process, release } from "./releases.js";
import { apply, type EngineStage, manifestsOf, reaches, soon, startEngineStage } from "./stage.js";

let stage: EngineStage;
beforeAll(async () => {
  stage = await startEngineStage();
});
afterAll(() => stage.close());

const differ = async (given: RenderInput, before: RenderInput = given) =>
  await differences(stage.client, given.owner, manifestsOf(given), inventoryOf("t", manifestsOf(before)), soon());
const short = (all: readonly ObjectDifference[]) =>
  all.map(({ object, difference }) => `${DifferenceKind[difference]} ${object?.kind} ${object?.name}`);
const of = (all: readonly ObjectDifference[], kind: string) => all.find(({ object }) => object?.kind === kind);

it("says what would be created, changed and deleted, and changes nothing", async () => {
  const two = release({ processes: [process(), process({ name: "worker", ports: [] })] });
  const first = input({ objectName: "diff", release: two });
  expect(short(await differ(first))).toEqual([
    "CREATED Service diff-web",
    "CREATED Deployment diff-web",
    "CREATED Deployment diff-worker",
  ]);
  expect((await stage.send("GET", `${paths.deployments}/diff-web`)).code).toBe(404);
  await apply(stage, first);
  await reaches(stage, first, "healthy");
  expect(short(await differ(first))).toEqual([
    "SAME Service diff-web",
    "SAME Deployment diff-web",
    "SAME Deployment diff-worker",
  ]);
  const source = image("registry.example/web:2");
  const second = {
    ...first,
    number: 2,
    release: release({ source, processes: [process({ annotations: { "a.b/c": "d" } })] }),
  };
  const all = await differ(second, first);
  expect(short(all)).toEqual([
    "SAME Service diff-web",
    "CHANGED Deployment diff-web",
    "DELETED Deployment diff-worker",
  ]);
  // As people name them: the groups of Kubernetes itself are left out.
  expect(new Set(all.map(({ object }) => object?.group))).toEqual(new Set([""]));
  const changed = of(all, "Deployment");
  expect(changed?.fields.map(({ path, before, after }) => ({ path, before, after }))).toEqual(
    expect.arrayContaining([
      {
        path: "spec.template.spec.containers[0].image",
        before: JSON.stringify(`registry.example/web:1@${digest}`),
        after: JSON.stringify(`registry.example/web:2@${digest}`),
      },
      { path: 'spec.template.metadata.labels["slipway.dev/release"]', before: '"1"', after: '"2"' },
      { path: "spec.template.metadata.annotations", before: "", after: '{"a.b/c":"d"}' },
      { path: "spec.template.spec.containers[0].env[3].value", before: '"1"', after: '"2"' },
    ]),
  );
  expect(changed?.fields).toHaveLength(4);
  expect(changed?.manifest).toMatch(/^apiVersion: apps\/v1\nkind: Deployment\n/);
  expect((await stage.get(`${paths.deployments}/diff-web`)).spec.template.metadata.labels["slipway.dev/release"]).toBe(
    "1",
  );
});

it("shows nothing secret: neither values of Secrets nor files, nor variables that others set", async () => {
  const secret = "hunter2";
  const config = (value: string) => ({
    variables: [{ name: "PASSWORD", value, sensitive: true }],
    files: [{ path: "/etc/a", content: value }],
  });
  const given = input({ objectName: "quiet", release: release({ config: config(secret) }) });
  await apply(stage, given);
  const env = [{ name: "OTHER", value: secret }];
  await stage.send("PATCH", `${paths.deployments}/quiet-web?fieldManager=somebody&force=true`, {
    type: "application/apply-patch+yaml",
    body: {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "quiet-web" },
      spec: { template: { spec: { containers: [{ name: "web", env }] } } },
    },
  });
  const changed = { ...given, release: release({ config: config(`${secret}-new`) }) };
  const all = await differ(changed);
  const fields = all.flatMap((each) => each.fields.map(({ path, before, after }) => ({ path, before, after })));
  expect(fields).toContainEqual({ path: "data.PASSWORD", before: "", after: "" });
  expect(fields).toContainEqual({ path: "data.file-0", before: "", after: "" });
  const text = JSON.stringify(all.map(({ manifest, message }) => [manifest, message])) + JSON.stringify(fields);
  expect(text).not.toContain(secret);
  expect(text).not.toContain(Buffer.from(secret).toString("base64").slice(0, 8));
  expect(of(all, "Secret")?.manifest).toContain('PASSWORD: ""');
});

it("says what would be refused and why", async () => {
  await stage.create(paths.services, { metadata: { name: "taken-web" }, spec: { ports: [{ port: 1 }] } });
  const given = input({ objectName: "taken" });
  const taken = await differ(given);
  expect(short(taken)).toEqual(["REFUSED Service taken-web", "CREATED Deployment taken-web"]);
  expect(taken[0]?.message).toContain("is not of this deployment");
  const nowhere = { ...given, owner: { ...given.owner, namespace: "nowhere" } };
  const [first] = await differ(nowhere);
  expect(first).toMatchObject({ difference: DifferenceKind.REFUSED, message: expect.stringContaining("not found") });
  await expect(
    differences(stage.client, given.owner, manifestsOf(given), [], AbortSignal.abort(new Error("enough"))),
  ).rejects.toThrow("enough");
});

it("leaves the size to an autoscaler", async () => {
  const autoscale = { min: 2, max: 6, cpu: 50, memory: 0 };
  const given = input({ objectName: "sized", scale: { web: { replicas: 2, autoscale } } });
  await apply(stage, given);
  await stage.patch(`${paths.deployments}/sized-web`, { spec: { replicas: 4 } });
  const all = await differ(given);
  expect(of(all, "Deployment")?.fields).toEqual([]);
});
