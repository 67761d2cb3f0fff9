import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type Deployment,
  DeploymentHealth,
  DeploymentPhase,
  type DeploymentServicePreviewRequestSchema,
  DifferenceKind,
} from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import { ReleaseCause } from "../../../../gen/ts/deploy/v1/release_pb.js";
import type { TestPlatform, TestTenant } from "../../../support/platform.js";
import { refusal } from "../../support/refusals.js";
import { dataOf, secretsOf } from "../secret/secrets.js";
import { deploymentsOf, type Home, homeOn, openSite } from "../works/site.js";
import { chart, image, newName, setting } from "./deployments.js";

let platform: TestPlatform;
let close: () => Promise<void>;
let tenant: TestTenant;
let home: Home;
let all: Awaited<ReturnType<typeof deploymentsOf>>;
beforeAll(async () => {
  ({ platform, close } = await openSite());
  tenant = await platform.newTenant();
  home = await homeOn(platform, tenant, platform.kube.kubeconfig);
  all = await deploymentsOf(platform, tenant);
});
afterAll(() => close?.());

const named = (uuid: string) => ({ project: tenant.project, deployment: uuid });

describe("a deployment that runs", () => {
  it("says how it is reached [pds.get-deployment-connection-info]", async () => {
    const { uuid, objectName, task } = await all.create(home, {
      processes: [{ name: "web", ports: [{ name: "http", port: 80 }] }, { name: "worker" }],
      scale: [{ process: "web", replicas: 2 }],
    });
    const info = () => all.client.getConnectionInfo(named(uuid), all.owner);
    await all.done(task);
    const { endpoints, instances, urls } = await info();
    const host = `${objectName}-web.${home.name}.svc.cluster.local`;
    expect(endpoints).toMatchObject([{ name: `${objectName}-web`, host, port: 80, portName: "http", protocol: "TCP" }]);
    expect(instances).toHaveLength(3);
    expect(urls).toEqual([]);
  });

  it("of a chart says what its target tells", async () => {
    const { uuid, task } = await all.create(home, { source: chart("demo-web", { version: "1.x" }) });
    await all.done(task);
    const { endpoints, instances } = await all.client.getConnectionInfo(named(uuid), all.owner);
    expect(instances.length).toBeGreaterThan(0);
    expect(endpoints.length).toBeGreaterThan(0);
  });

  it("is released again when a secret that it follows has changed", async () => {
    const secrets = secretsOf(platform, tenant);
    const { uuid: secret } = await secrets.create({ data: dataOf({ key: "old" }) });
    const config = { setVariables: [{ name: "S", secret: { secret, key: "key" } }] };
    const { uuid, task } = await all.create(home, { config });
    await all.done(task);
    await secrets.update(secret, { data: dataOf({ key: "new" }) });
    await all.until(uuid, { activeRelease: 2, phase: DeploymentPhase.IDLE });
    const { release } = await all.releases.get({ ...named(uuid), number: 2 }, all.owner);
    expect(release).toMatchObject({ cause: ReleaseCause.DEPENDENCY, createdBy: "system" });
    expect((await all.client.revealCredentials(named(uuid), all.owner)).values).toEqual({ S: "new" });
  });
});

describe("a preview", () => {
  type Asked = Exclude<MessageInitShape<typeof DeploymentServicePreviewRequestSchema>, { $typeName: string }>;

  it("shows what a change would do, and does nothing [tsuru.deploy-diff]", async () => {
    const { uuid, task } = await all.create(home, { config: setting({ PASSWORD: "old-hush" }, true) });
    await all.done(task);
    const before = await all.row(uuid);
    const preview = (asked: Asked) => all.client.preview({ ...named(uuid), ...asked }, all.owner);
    const same = await preview({});
    expect(same.release).toMatchObject({ number: 2, uuid: "", task: "" });
    const { release, objects, notes } = await preview({
      source: image("shop:2"),
      config: setting({ PASSWORD: "new-hush" }, true),
    });
    expect(release).toMatchObject({
      number: 2,
      cause: ReleaseCause.UPDATED,
      summary: expect.stringContaining("PASSWORD"),
    });
    expect(notes).toEqual([]);
    const of = (kind: string) => objects.filter(({ object }) => object?.kind === kind);
    const [workload] = of("Deployment");
    expect(workload?.difference).toBe(DifferenceKind.CHANGED);
    expect(workload?.fields.map(({ path }) => path)).toContainEqual(expect.stringContaining("image"));
    expect(of("Service").map(({ difference }) => difference)).toEqual([DifferenceKind.SAME]);
    expect(of("Secret").length).toBeGreaterThan(0);
    expect(JSON.stringify(objects.map(({ manifest, fields }) => [manifest, fields]))).not.toContain("hush");
    expect((await preview({ rollbackTo: 1 })).release).toMatchObject({ cause: ReleaseCause.ROLLBACK, rollbackOf: 1 });
    const refused: [Asked, string][] = [
      [{ rollbackTo: 9 }, "NotFound"],
      [{ rollbackTo: 1, config: setting({ A: "1" }) }, "InvalidArgument"],
      [{ source: image("missing:1") }, "NotFound"],
      [{ config: { unsetVariables: ["NONE"] } }, "NotFound"],
    ];
    for (const [asked, code] of refused) {
      expect(await refusal(preview(asked))).toMatchObject({ code });
    }
    expect(await all.row(uuid)).toMatchObject({ version: before.version, lastRelease: 1, inventory: before.inventory });
  });

  it("of a chart says that its own objects are not among those shown", async () => {
    const { uuid, task } = await all.create(home, { source: chart("demo-web", { version: "1.x" }) });
    await all.done(task);
    const { objects, notes } = await all.client.preview(
      { ...named(uuid), source: chart("demo-web", { version: "2.x" }) },
      all.owner,
    );
    expect(notes).toEqual([expect.stringContaining("chart")]);
    expect(objects.map(({ object }) => object?.kind)).toContain("HelmRelease");
  });
});

describe("watching", () => {
  /** What a stream tells until it is enough, by the newest state of each, and where it ended. */
  async function until(request: object, isEnough: (seen: ReadonlyMap<string, Deployment>) => boolean) {
    const seen = new Map<string, Deployment>();
    let token = "";
    const end = new AbortController();
    const options = { ...all.owner, signal: end.signal };
    for await (const { deployment, resumeToken } of all.client.watch(
      { project: tenant.project, ...request },
      options,
    )) {
      if (deployment !== undefined) seen.set(deployment.uuid, deployment);
      token = resumeToken;
      if (isEnough(seen)) break;
    }
    end.abort();
    return { seen, token };
  }

  it("tells each deployment as it is, every change, and the end; who comes back misses nothing", async () => {
    const { uuid, task } = await all.create(home, {});
    const isHealthy = (seen: ReadonlyMap<string, Deployment>) => {
      const one = seen.get(uuid);
      return one?.phase === DeploymentPhase.IDLE && one.health === DeploymentHealth.HEALTHY;
    };
    const first = await until({}, isHealthy);
    await all.done(task);
    expect(first.seen.get(uuid)).toMatchObject({ activeRelease: 1, processes: [{ readyReplicas: 1 }] });
    expect([...first.seen.values()].filter(({ phase }) => phase === DeploymentPhase.DELETED)).toEqual([]);
    // While nobody watches one is changed and another comes and goes.
    const description = newName("changed");
    await all.client.update({ ...named(uuid), description }, all.owner);
    const other = await all.create(home, {});
    await all.done(other.task);
    await all.done((await all.client.delete(named(other.uuid), all.owner)).task);
    const { seen } = await until(
      { resumeToken: first.token },
      (all) => all.get(uuid)?.description === description && all.get(other.uuid)?.phase === DeploymentPhase.DELETED,
    );
    expect(seen.get(other.uuid)?.source).toBeUndefined();
    const fresh = await until({}, (all) => all.has(uuid));
    expect(fresh.seen.has(other.uuid)).toBe(false);
    expect(await refusal(until({ resumeToken: "nonsense" }, () => true))).toMatchObject({ fields: ["resume_token"] });
  });

  it("tells which task is the next one when another is canceled", async () => {
    const { uuid, task } = await all.create(home, {});
    await all.done(task);
    const later = async (hours: number) => {
      const executeAt = timestampFromDate(new Date(Date.now() + hours * 3_600_000));
      return (await all.client.restart({ ...named(uuid), options: { executeAt } }, all.owner)).task?.uuid ?? "";
    };
    const [first, second] = [await later(1), await later(2)];
    let isAsked = false;
    await until({ deployment: uuid }, (seen) => {
      if (seen.get(uuid)?.task === first && !isAsked) {
        isAsked = true;
        void all.tasks.cancel({ project: tenant.project, uuid: first }, all.owner);
      }
      return seen.get(uuid)?.task === second;
    });
    expect(isAsked).toBe(true);
  });

  it("one ends when it is deleted", async () => {
    const { uuid, task } = await all.create(home, {});
    await all.done(task);
    const watched = until({ deployment: uuid }, () => false);
    await all.client.delete(named(uuid), all.owner);
    expect((await watched).seen.get(uuid)?.phase).toBe(DeploymentPhase.DELETED);
  });
});
