import { eq } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { IPService } from "../../../../gen/ts/api/v1/ip_pb.js";
import { PrincipalService } from "../../../../gen/ts/iam/v1/principal_pb.js";
import { AddressPoolService } from "../../../../gen/ts/infra/v1/address_pool_pb.js";
import { clusterStore } from "../../../../src/resources/api/cluster/store.js";
import { projectStore } from "../../../../src/resources/api/project/store.js";
import { snapshots, volumes } from "../../../../src/resources/api/volume/table.js";
import { needsPostgres, postgresUrl } from "../../../support/database.js";
import { as, startPlatform, type TestPlatform } from "../../../support/platform.js";
import { clustersOf, newName } from "../../support/clusters.js";
import { type Person, peopleOf } from "../../support/people.js";
import { refusal } from "../../support/refusals.js";
import { tablesWith } from "../../support/tables.js";
import { waitsOrEnds } from "../../support/waiting.js";

let platform: TestPlatform;
let people: ReturnType<typeof peopleOf>;
let ada: Person;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  people = peopleOf(platform);
  await platform
    .client(AddressPoolService)
    .create({ name: "tests", network: "internet", cidrs: ["198.51.100.0/24"] }, as(platform.adminToken));
});
beforeEach(async () => {
  ada = await people.person("ada");
});
afterAll(() => platform.close());

const db = () => platform.platform.db;

/** A cluster that is deleted, of which only the row is left. */
async function pastCluster(project: string): Promise<string> {
  const owner = { tenant: ada.login, project, tokens: { owner: ada.token, editor: "", viewer: "" } };
  const { uuid } = await clustersOf(platform, owner).create({ name: newName() });
  await clusterStore.requestDelete(db(), uuid, new Date());
  await clusterStore.markDeleted(db(), uuid, new Date());
  return uuid;
}

/** A volume and a snapshot that are there, and the same that are gone. */
async function putStorage(project: string) {
  const { newId } = platform.platform;
  const cluster = await pastCluster(project);
  const common = {
    project,
    cluster,
    partition: "eqx-mu4",
    storageClass: "standard",
    size: 1n,
    createdAt: new Date(),
    updatedAt: new Date(),
  };
  const [volume, snapshot] = [newId(), newId()];
  const past = { deletedAt: new Date() };
  const aVolume = { ...common, persistentVolume: "pv", state: "Bound", volumeHandle: "handle" };
  const aSnapshot = { ...common, content: "content", namespace: "default", state: "Ready" };
  await db()
    .insert(volumes)
    .values({ ...aVolume, id: volume, name: "data" });
  await db()
    .insert(volumes)
    .values({ ...aVolume, id: newId(), name: "before", ...past });
  await db()
    .insert(snapshots)
    .values({ ...aSnapshot, id: snapshot, name: "nightly" });
  await db()
    .insert(snapshots)
    .values({ ...aSnapshot, id: newId(), name: "before", ...past });
  return {
    volumeGoes: () => db().update(volumes).set(past).where(eq(volumes.id, volume)),
    snapshotGoes: () => db().update(snapshots).set(past).where(eq(snapshots.id, snapshot)),
  };
}

/** An address of the project, and how it is given back. */
async function putAddress(project: string) {
  const ips = platform.client(IPService);
  const { ip } = await ips.allocate({ project, name: "web" }, ada.me);
  return { address: ip?.ip ?? "", release: () => ips.delete({ project, uuid: ip?.uuid ?? "" }, ada.me) };
}

describe.each([
  {
    what: "a project",
    where: () => people.project(ada, ada.login),
    remove: (project: string) => people.projects.delete({ project }, ada.me),
  },
  {
    what: "an account with its default project",
    where: async () => ada.project,
    remove: () => platform.client(PrincipalService).delete({ login: ada.login, id: ada.login }, ada.me),
  },
])("$what", ({ where, remove }) => {
  it("stays while volumes, snapshots or addresses are in it, which are named, and takes its history along", async () => {
    const project = await where();
    const storage = await putStorage(project);
    const { address, release } = await putAddress(project);
    const removed = () => refusal(remove(project));
    const stays = async (left: string) => {
      expect(await removed()).toMatchObject({
        code: "FailedPrecondition",
        message: expect.stringContaining(`delete ${left} first`),
      });
    };
    await stays(`volume data, snapshot nightly, address ${address}`);
    await storage.volumeGoes();
    await stays(`snapshot nightly, address ${address}`);
    await storage.snapshotGoes();
    await stays(`address ${address}`);
    await release();
    expect((await removed()).code).toBe("OK");
    const left = await tablesWith(platform, project);
    for (const table of ["projects", "clusters", "volumes", "snapshots", "ips"]) expect(left).not.toContain(table);
  });

  it("names the first of many things only", async () => {
    const project = await where();
    for (let i = 0; i < 7; i += 1) await putAddress(project);
    const { code, message } = await refusal(remove(project));
    expect(code).toBe("FailedPrecondition");
    expect(message).toMatch(/is not empty: delete (address [0-9.]+, ){5}2 more first$/);
  });

  it("and a new address at once: one of the two", async () => {
    for (let round = 0; round < 5; round += 1) {
      ada = await people.person("ada");
      const project = await where();
      const [removed, allocated] = await Promise.all([
        refusal(remove(project)),
        refusal(platform.client(IPService).allocate({ project, name: "web" }, ada.me)),
      ]);
      expect([removed.code, allocated.code].filter((code) => code === "OK")).toHaveLength(1);
    }
  });
});

describe.skipIf(postgresUrl === undefined)(`the default project (${needsPostgres})`, () => {
  it("of an organization waits for a project that is being made, and stays", async () => {
    const { tenant, project } = await people.organization(ada);
    const { newId } = platform.platform;
    const stamps = { createdAt: new Date(), updatedAt: new Date() };
    let removed: ReturnType<typeof refusal> | undefined;
    await db().transaction(async (tx) => {
      await projectStore.insert(tx, { id: newId(), tenant, name: "second", ...stamps });
      removed = refusal(people.projects.delete({ project }, ada.me));
      await waitsOrEnds(platform, removed);
    });
    expect((await removed)?.code).toBe("FailedPrecondition");
  });
});
