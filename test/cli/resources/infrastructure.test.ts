import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { clusters } from "../../../src/resources/api/cluster/table.js";
import { snapshots, volumes } from "../../../src/resources/api/volume/table.js";
import { type CliWorld, openCliWorld, timeout } from "./support.js";

let world: CliWorld;
const volume = randomUUID();
const snapshot = randomUUID();
beforeAll(async () => {
  world = await openCliWorld();
  await world.platform.stopBackground();
  await insertStorage();
}, timeout);
afterAll(() => world.close());

async function insertStorage(): Promise<void> {
  const { project, platform } = world.platform;
  const now = new Date();
  const stamps = { createdAt: now, updatedAt: now };
  const cluster = randomUUID();
  const place = { project, cluster, partition: "eqx-mu4" };
  await platform.db.insert(clusters).values({
    ...{ id: cluster, project, partition: "eqx-mu4", name: "first", kubernetesVersion: "1.33.5", workers: [] },
    ...{ kubernetesAutoupdate: false, machineimageAutoupdate: false, maintenanceBegin: now, maintenanceSeconds: 3_600 },
    ...({ statusType: "Create", statusState: "Succeeded", statusProgress: 100 } as const),
    ...stamps,
  });
  const usual = { storageClass: "standard", size: 3n * 1024n ** 3n };
  const handle = { persistentVolume: "pv-data", volumeHandle: volume, state: "Bound" };
  await platform.db.insert(volumes).values({ id: volume, ...place, ...usual, ...handle, name: "data", ...stamps });
  const content = { content: "content-1", namespace: "default", state: "Ready", name: "nightly" };
  await platform.db.insert(snapshots).values({ id: snapshot, ...place, ...usual, ...content, ...stamps });
}

describe("slipway ip", { timeout }, () => {
  it("allocates, finds, changes and gives back addresses", async () => {
    const made = await world.json<{ ip: string; uuid: string }>(["ip", "allocate", "shop", "--tag", "team=web"]);
    expect(made).toMatchObject({ name: "shop", type: "IP_TYPE_EPHEMERAL", tags: ["team=web"] });
    for (const reference of ["shop", made.ip, made.uuid]) {
      expect(await world.ok(["ip", "get", reference, "-o", "name"])).toBe("shop\n");
    }
    expect(await world.ok(["ip", "list"])).toMatch(new RegExp(`^shop +${made.ip} +EPHEMERAL +team=web`, "m"));
    const changed = await world.json(["ip", "update", made.ip, "--name", "checkout", "--static"]);
    expect(changed).toMatchObject({ ...made, name: "checkout", type: "IP_TYPE_STATIC", updatedAt: expect.any(String) });
    expect(await world.fails(["ip", "update", "checkout"], 2)).toContain("nothing to change");
    expect(await world.fails(["ip", "get", "chekout"], 5)).toContain("Did you mean checkout?");
    expect(await world.fails(["ip", "delete", "checkout"], 2)).toContain("Add --yes");
    await world.fails(["ip", "delete", "checkout", "--yes"], 4, "viewer");
    await world.ok(["ip", "delete", "checkout", "--yes"]);
    expect(await world.json(["ip", "list"])).toEqual([]);
  });

  it("tells which flag is wrong", async () => {
    expect(await world.fails(["ip", "allocate", "x"], 11)).toContain("<name> (name)");
    const long = ["ip", "allocate", "shop", "--description", "d".repeat(300)];
    expect(await world.fails(long, 11)).toContain("--description (description)");
  });
});

describe("slipway volume and snapshot", { timeout }, () => {
  it("show volumes, and ask their cluster to change labels", async () => {
    expect(await world.ok(["volume", "list"])).toMatch(/^data +Bound +3GiB +0B +first/m);
    expect(await world.json(["volume", "get", "data"])).toMatchObject({ uuid: volume, size: String(3 * 1024 ** 3) });
    expect(await world.json(["volume", "list", "--partition", "elsewhere"])).toEqual([]);
    // Labels are kept in the volume's cluster, of which there is a row alone here.
    expect(await world.fails(["volume", "update", "data", "--label", "team=web"], 7)).toContain("cluster first");
    expect(await world.fails(["volume", "update", "data", "--label", "team"], 2)).toContain("NAME=VALUE");
    expect(await world.fails(["volume", "update", "data"], 2)).toContain("--label");
    expect(await world.fails(["volume", "get", "dat"], 5)).toContain("Did you mean data?");
    await world.fails(["volume", "get", randomUUID()], 5);
  });

  it("show and delete snapshots", async () => {
    expect(await world.ok(["snapshot", "list", "-o", "name"])).toBe("nightly\n");
    expect(await world.json(["snapshot", "get", "nightly"])).toMatchObject({ uuid: snapshot });
    expect(await world.fails(["snapshot", "delete", "nightly"], 2)).toContain("Add --yes");
  });
});

describe("slipway asset and status", { timeout }, () => {
  it("tell what can be ordered", async () => {
    expect(await world.ok(["asset", "list", "-o", "name"])).toBe("muc\n");
    expect(await world.ok(["asset", "machine-types"])).toMatch(/^n1-medium-x86 +8 +32GiB/m);
    const versions = await world.json<{ version: string }[]>(["asset", "kubernetes"]);
    expect(versions.map(({ version }) => version)).toContain("1.33.5");
    expect(await world.json(["asset", "partitions"])).toMatchObject([{ id: "eqx-mu4" }]);
  });

  it("tell how the platform is, to everybody", async () => {
    const env = { SLIPWAY_URL: world.platform.url };
    const shown = await world.program.run(["status", "show", "-o", "json"], { env });
    expect(shown).toMatchObject({ code: 0 });
    expect(JSON.parse(shown.stdout)).toHaveProperty("apiVersion");
    expect((await world.program.run(["status", "messages"], { env })).code).toBe(0);
    const watching = world.program.start(["status", "watch", "-o", "json"], env);
    await watching.printed(/"apiVersion"/);
    watching.child.kill("SIGINT");
    await watching.outcome;
  });
});
