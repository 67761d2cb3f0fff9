import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { QuotaService } from "../../../../gen/ts/deploy/v1/quota_pb.js";
import { releaseDependents } from "../../../../src/resources/deploy/deployment/dependents.js";
import { needsPostgres, postgresUrl } from "../../../support/database.js";
import { startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { codeOf } from "../../support/refusals.js";
import { dataOf, secretsOf } from "../secret/secrets.js";
import { deploymentsOf, newName, setting } from "./deployments.js";

let platform: TestPlatform;
let tenant: TestTenant;
let all: Awaited<ReturnType<typeof deploymentsOf>>;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  tenant = await platform.newTenant();
  all = await deploymentsOf(platform, tenant);
});
afterAll(() => platform.close());

const named = (uuid: string) => ({ project: tenant.project, deployment: uuid });
const context = () => ({ signal: new AbortController().signal, attempt: 1, log: platform.platform.log });

describe.skipIf(postgresUrl === undefined)(`on PostgreSQL (${needsPostgres})`, () => {
  it("numbers of releases rise by one, whoever changes what at once; of changes from one version one comes through", async () => {
    const change = fc.record({
      kind: fc.constantFrom("config", "update", "redeploy", "scale", "rename"),
      isBased: fc.boolean(),
    });
    const rounds = fc.array(fc.array(change, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(rounds, async (given) => {
        const uuid = await all.running();
        let numbers = 1;
        for (const changes of given) {
          const { version } = await all.get(uuid);
          const results = await Promise.all(
            changes.map(async ({ kind, isBased }) => {
              const options = isBased ? { expectedVersion: version } : {};
              const calls = {
                config: () => all.configure(uuid, setting({ [newName("V").replace("-", "_")]: "1" }), options),
                update: () => all.update(uuid, { config: setting({ U: newName() }), options }),
                redeploy: () => all.releases.redeploy({ ...named(uuid), options }, all.owner),
                scale: () => all.client.scale({ ...named(uuid), replicas: { web: 2 }, options }, all.owner),
                rename: () => all.update(uuid, { name: newName(), options }),
              };
              return { kind, isBased, code: await codeOf(calls[kind]()) };
            }),
          );
          const through = results.filter(({ code }) => code === "OK");
          expect(results.filter(({ code }) => !["OK", "Aborted"].includes(code))).toEqual([]);
          expect(results.filter(({ isBased, code }) => !isBased && code === "Aborted")).toEqual([]);
          expect(through.filter(({ isBased }) => isBased).length).toBeLessThanOrEqual(1);
          if (results.every(({ isBased }) => isBased)) expect(through).toHaveLength(1);
          expect((await all.get(uuid)).version).toBe(version + BigInt(through.length));
          numbers += through.filter(({ kind }) => !["scale", "rename"].includes(kind)).length;
          const made = (await all.releasesOf(uuid)).map(({ number }) => number);
          expect(made).toEqual(Array.from({ length: numbers }, (_, i) => numbers - i));
          while ((await all.work(uuid)) !== undefined);
        }
      }),
      { numRuns: 8 },
    );
  });

  it("patches are relative to the active release, in whichever order they come", async () => {
    const patch = fc.record({
      set: fc.dictionary(fc.constantFrom("A", "B", "C"), fc.constantFrom("1", "2"), { noNullPrototype: true }),
      succeeds: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(patch, { minLength: 1, maxLength: 5 }), async (patches) => {
        const uuid = await all.running();
        const asked = patches.filter(({ set }) => Object.keys(set).length > 0);
        const numbers = await Promise.all(
          asked.map(async ({ set, succeeds }) => {
            const { release } = await all.configure(uuid, setting(set));
            return { number: release?.number ?? 0, set, succeeds };
          }),
        );
        let expected: Record<string, string> = {};
        for (const { number, set, succeeds } of numbers.toSorted((a, b) => a.number - b.number)) {
          const task = await all.work(uuid, succeeds ? "succeeded" : "failed", succeeds ? "" : "no");
          expect(task?.release).toBe(number);
          if (succeeds) expected = { ...expected, ...set };
          expect(await all.config(uuid)).toEqual(expected);
        }
      }),
      { numRuns: 8 },
    );
  });

  it("no quota is ever exceeded", async () => {
    const own = await platform.newTenant();
    const here = await deploymentsOf(platform, own);
    const quotas = platform.client(QuotaService);
    await quotas.set({ project: own.project, deploymentsLimit: 3n, unitsLimit: 6n }, here.owner);
    const codes = await Promise.all(Array.from({ length: 6 }, () => codeOf(here.create())));
    expect(codes.toSorted()).toEqual([...Array(3).fill("OK"), ...Array(3).fill("ResourceExhausted")]);
    const { deployments } = await here.client.list({ project: own.project }, here.owner);
    for (const { uuid } of deployments) await here.work(uuid);
    const scale = (uuid: string, replicas: number) =>
      here.client.scale({ project: own.project, deployment: uuid, replicas: { web: replicas } }, here.owner);
    await Promise.all(deployments.flatMap(({ uuid }) => [3, 2].map((replicas) => codeOf(scale(uuid, replicas)))));
    const units = async () => {
      const rows = await Promise.all(deployments.map(({ uuid }) => here.row(uuid)));
      return rows.reduce((sum, row) => sum + row.units, 0);
    };
    for (const { uuid } of deployments) {
      while ((await here.work(uuid)) !== undefined) expect(await units()).toBeLessThanOrEqual(6);
    }
    expect(await units()).toBeGreaterThan(3);
  });

  it("nor is it by tasks that wait, in whichever order they are asked for, and whichever of them succeed", async () => {
    const own = await platform.newTenant();
    const here = await deploymentsOf(platform, own);
    const quotas = platform.client(QuotaService);
    const names = ["web", "worker", "other"];
    const some = fc.subarray(names);
    const act = fc.oneof(
      fc.record({ kind: fc.constant("scale" as const), name: fc.constantFrom(...names), replicas: fc.nat(5) }),
      fc.record({ kind: fc.constantFrom("start" as const, "stop" as const), processes: some }),
      fc.record({ kind: fc.constant("processes" as const), processes: fc.subarray(names, { minLength: 1 }) }),
      fc.record({
        kind: fc.constant("work" as const),
        end: fc.constantFrom("succeeded" as const, "failed" as const, "succeeded" as const),
      }),
    );
    type Act = typeof act extends fc.Arbitrary<infer T> ? T : never;
    const limit = 5;
    const doIt = async (uuid: string, asked: Act) => {
      const of = { project: own.project, deployment: uuid };
      if (asked.kind === "work") await here.work(uuid, asked.end);
      else if (asked.kind === "scale") {
        await here.client.scale({ ...of, replicas: { [asked.name]: asked.replicas } }, here.owner);
      } else if (asked.kind === "processes") {
        await here.update(uuid, { processes: { processes: asked.processes.map((name) => ({ name })) } });
      } else await here.client[asked.kind]({ ...of, processes: asked.processes }, here.owner);
    };
    await fc.assert(
      fc.asyncProperty(fc.array(act, { minLength: 2, maxLength: 9 }), async (acts) => {
        const uuid = await here.running({ processes: [{ name: "web" }, { name: "worker" }] });
        await quotas.set({ project: own.project, deploymentUuid: uuid, unitsLimit: BigInt(limit) }, here.owner);
        const within = async () => expect((await here.row(uuid)).units).toBeLessThanOrEqual(limit);
        for (const asked of acts) {
          const code = await codeOf(doIt(uuid, asked));
          expect(["OK", "ResourceExhausted", "FailedPrecondition", "NotFound"]).toContain(code);
          await within();
        }
        while ((await here.work(uuid)) !== undefined) await within();
      }),
      {
        numRuns: 25,
        examples: [
          [
            [
              { kind: "stop", processes: [] },
              { kind: "work", end: "succeeded" },
              { kind: "start", processes: [] },
              { kind: "scale", name: "web", replicas: 5 },
            ],
          ],
          [
            [
              { kind: "scale", name: "web", replicas: 4 },
              { kind: "work", end: "succeeded" },
              { kind: "scale", name: "web", replicas: 0 },
              { kind: "scale", name: "worker", replicas: 5 },
              { kind: "work", end: "failed" },
            ],
          ],
          [
            [
              { kind: "processes", processes: ["web", "worker", "other"] },
              { kind: "scale", name: "web", replicas: 4 },
            ],
          ],
        ],
      },
    );
  });

  it("the same request with the same key comes to one task, however many come at once", async () => {
    const order = { name: newName(), options: { idempotencyKey: newName("key") } };
    const answers = await Promise.all(Array.from({ length: 5 }, () => all.create(order)));
    expect(new Set(answers.map(({ task }) => task?.uuid)).size).toBe(1);
    const uuid = answers[0]?.uuid ?? "";
    const options = { idempotencyKey: newName("key") };
    const changes = await Promise.all(
      Array.from({ length: 5 }, () => all.configure(uuid, setting({ A: "1" }), options)),
    );
    expect(new Set(changes.map(({ release }) => release?.number))).toEqual(new Set([2]));
  });

  it("secrets, those who follow them and those who change them at once leave nobody behind", async () => {
    const secrets = secretsOf(platform, tenant);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom("secret", "config", "work"), { minLength: 2, maxLength: 8 }),
        async (acts) => {
          const { uuid: secret } = await secrets.create({ data: dataOf({ key: "0" }) });
          const config = { setVariables: [{ name: "S", secret: { secret, key: "key" } }] };
          const uuid = await all.running({ config });
          await Promise.all(
            acts.map(async (act, i) => {
              if (act === "secret") {
                await secrets.update(secret, { data: dataOf({ key: `${i}` }) });
                await releaseDependents(platform.platform)({ secret }, context());
              } else if (act === "config") await all.configure(uuid, setting({ N: `${i}` }));
              else await all.work(uuid).catch(() => undefined);
            }),
          );
          while ((await all.work(uuid)) !== undefined);
          await releaseDependents(platform.platform)({ secret }, context());
          while ((await all.work(uuid)) !== undefined);
          const { version } = (await secrets.get(secret)) ?? {};
          const { release } = await all.releases.get(
            { ...named(uuid), number: (await all.get(uuid)).activeRelease },
            all.owner,
          );
          expect(release?.configuration?.variables.find(({ name }) => name === "S")?.secret?.version).toBe(version);
        },
      ),
      { numRuns: 8 },
    );
  });

  it("a secret is deleted, or used, and never both", async () => {
    const secrets = secretsOf(platform, tenant);
    for (let i = 0; i < 8; i += 1) {
      const { uuid: secret } = await secrets.create();
      const uuid = await all.running();
      const config = { setVariables: [{ name: "S", secret: { secret, key: "key" } }] };
      const codes = await Promise.all([codeOf(secrets.delete(secret)), codeOf(all.configure(uuid, config))]);
      expect([
        ["OK", "NotFound"],
        ["FailedPrecondition", "OK"],
      ]).toContainEqual(codes);
    }
  });
});
