import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ClusterSchema, ClusterService, ClusterStatusSchema } from "../../../../gen/ts/api/v1/cluster_pb.js";
import { clusterMessage, listedMessage, statusMessage } from "../../../../src/resources/api/cluster/messages.js";
import { type ClusterRow, clusterStore } from "../../../../src/resources/api/cluster/store.js";
import { clusters } from "../../../../src/resources/api/cluster/table.js";
import { as, startPlatform, type TestPlatform } from "../../../support/platform.js";

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
});
afterAll(() => platform?.close());

const at = "2026-02-03T04:05:06.789Z";
const worker = {
  name: "group-0",
  machineType: "n1-medium-x86",
  minSize: 1,
  maxSize: 3,
  maxSurge: 1,
  maxUnavailable: 0,
};
const condition = { type: "APIServerAvailable", status: "True", reason: "Up", message: "é is up" };

/** A row with everything, and one with as little as a row can have. */
const full = () => ({
  ...least("full"),
  workers: [worker, { ...worker, name: "group-1", minSize: 0, maxUnavailable: 2 }],
  kubernetesAutoupdate: true,
  purpose: "production",
  deleteRequestedAt: new Date(at),
  statusProgress: 100,
  conditions: [{ ...condition, lastTransitionTime: at, lastUpdateTime: "2026-02-03T05:05:06+01:00" }, condition],
  lastErrors: [
    { description: "it broke", taskId: "t1", codes: ["ERR_A", "ERR_B"], lastUpdateTime: at },
    { description: "", codes: [] },
  ],
});
const least = (name: string) => ({
  id: platform.platform.newId(),
  project: platform.project,
  name,
  partition: "eqx-mu4",
  kubernetesVersion: "1.33.5",
  workers: [],
  kubernetesAutoupdate: false,
  machineimageAutoupdate: false,
  maintenanceBegin: new Date(0),
  maintenanceSeconds: 3_600,
  createdAt: new Date(at),
  updatedAt: new Date("1999-12-31T23:59:59.001Z"),
  statusType: "Create" as const,
  statusState: "Pending" as const,
  statusProgress: 0,
});

async function stored(row: typeof clusters.$inferInsert): Promise<ClusterRow> {
  const { db } = platform.platform;
  await db.insert(clusters).values(row);
  const found = await clusterStore.get(db, { project: row.project, id: row.id });
  if (found === undefined) throw new Error("no row");
  return found;
}

/** The fields of a message without their types: what the library makes a message of. */
function fieldsOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(fieldsOf);
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).filter(([key, field]) => key !== "$typeName" && field !== undefined);
  return Object.fromEntries(fields.map(([key, field]) => [key, fieldsOf(field)]));
}

describe("a cluster's messages", () => {
  test.each([
    ["with everything", full],
    ["with as little as there can be", () => least("least")],
  ])("%s have the bytes and the fields of those that the library makes", async (_, row) => {
    const known = await stored(row());
    const monitoring = { username: "u", password: "p", endpoint: "https://monitoring" };
    for (const message of [clusterMessage(known), clusterMessage(known, monitoring)]) {
      const library = create(ClusterSchema, fieldsOf(message) as never);
      expect(Buffer.from(toBinary(ClusterSchema, message))).toEqual(Buffer.from(toBinary(ClusterSchema, library)));
      expect(message).toEqual(library);
      expect(fromBinary(ClusterSchema, toBinary(ClusterSchema, message))).toEqual(library);
    }
    const status = statusMessage(known);
    expect(status).toEqual(create(ClusterStatusSchema, fieldsOf(status) as never));
  });

  test("are the same in lists, whatever was listed before", async () => {
    const { db } = platform.platform;
    const { list, get } = platform.client(ClusterService);
    const { project, tokens } = platform;
    for (let i = 0; i < 2; i++) {
      const rows = await clusterStore.list(db, project);
      expect(rows).toHaveLength(2);
      for (const row of rows) {
        const one = await clusterStore.get(db, { project, id: row.id });
        expect(one && clusterMessage(one)).toEqual(listedMessage(row));
      }
      const { clusters: listed } = await list({ project }, as(tokens.owner));
      const got = listed.map(({ uuid }) => get({ project, uuid }, as(tokens.owner)));
      expect((await Promise.all(got)).map(({ cluster }) => cluster)).toEqual(listed);
    }
  });
});
