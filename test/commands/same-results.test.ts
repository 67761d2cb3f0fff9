import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { ClusterService } from "../../gen/ts/api/v1/cluster_pb.js";
import { ProjectService } from "../../gen/ts/api/v1/project_pb.js";
import { TokenService } from "../../gen/ts/api/v1/token_pb.js";
import { needsPostgres, postgresUrl } from "../support/database.js";
import { as } from "../support/platform.js";
import { type Installation, install } from "./support/served.js";

/** A call; what it names among the things made before is chosen by numbers, so that it means the same everywhere. */
interface Step {
  readonly call: keyof typeof calls;
  /** On which of the open connections. */
  readonly connection: number;
  readonly name: string;
  readonly which: number;
}

/** What a run of calls knows: who calls, and what it has made so far. */
interface Known {
  readonly token: string;
  readonly tenant: string;
  readonly projects: string[];
  readonly clusters: string[];
  readonly tokens: string[];
}

const unknown = "0198c7a3-1111-7000-8000-000000000001";
/** Things are named often enough that are gone or never were. */
const one = (things: readonly string[], which: number): string => things[which % (things.length + 1)] ?? unknown;

const calls = {
  async createProject(way: Transport, known: Known, { name }: Step) {
    const answer = await createClient(ProjectService, way).create(
      { login: known.tenant, name, description: "made by a test" },
      as(known.token),
    );
    known.projects.push(answer.project?.uuid ?? "");
    return answer;
  },
  listProjects: (way: Transport, { token }: Known) => createClient(ProjectService, way).list({}, as(token)),
  getProject: (way: Transport, { projects, token }: Known, { which }: Step) =>
    createClient(ProjectService, way).get({ project: one(projects, which) }, as(token)),
  updateProject: (way: Transport, { projects, token }: Known, { name, which }: Step) =>
    createClient(ProjectService, way).update({ project: one(projects, which), name }, as(token)),
  deleteProject: (way: Transport, { projects, token }: Known, { which }: Step) =>
    createClient(ProjectService, way).delete({ project: one(projects.slice(1), which) }, as(token)),
  async createCluster(way: Transport, known: Known, { name, which }: Step) {
    // Most are in one project, so that there are names that are taken and lists of several.
    const order = { project: which < 15 ? (known.projects[0] ?? "") : one(known.projects, which), name };
    const answer = await createClient(ClusterService, way).create(order, as(known.token));
    known.clusters.push(answer.cluster?.uuid ?? "");
    return answer;
  },
  getCluster: (way: Transport, { projects, clusters, token }: Known, { which }: Step) =>
    createClient(ClusterService, way).get({ project: projects[0] ?? "", uuid: one(clusters, which) }, as(token)),
  listClusters: (way: Transport, { projects, token }: Known, { which }: Step) =>
    createClient(ClusterService, way).list({ project: one(projects, which) }, as(token)),
  updateCluster: (way: Transport, { projects, clusters, token }: Known, { name, which }: Step) => {
    const workers = [{ name: "default", maxsize: name.length }];
    const change = { project: projects[0] ?? "", uuid: one(clusters, which), workers };
    return createClient(ClusterService, way).update(change, as(token));
  },
  deleteCluster: (way: Transport, { projects, clusters, token }: Known, { which }: Step) =>
    createClient(ClusterService, way).delete({ project: projects[0] ?? "", uuid: one(clusters, which) }, as(token)),
  async createToken(way: Transport, known: Known, { name }: Step) {
    const order = { description: name, expires: { seconds: 3_600n } };
    const answer = await createClient(TokenService, way).create(order, as(known.token));
    known.tokens.push(answer.token?.uuid ?? "");
    return answer;
  },
  async listTokens(way: Transport, { token }: Known) {
    const { tokens } = await createClient(TokenService, way).list({}, as(token));
    // The newest second comes first, and when a second begins is no result.
    return { tokens: tokens.toSorted((a, b) => (a.uuid < b.uuid ? -1 : 1)) };
  },
  revokeToken: (way: Transport, { tokens, token }: Known, { which }: Step) =>
    createClient(TokenService, way).revoke({ uuid: one(tokens, which) }, as(token)),
};

const names = Object.keys(calls) as (keyof typeof calls)[];

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    call: fc.oneof(
      { weight: 2, arbitrary: fc.constantFrom(...names) },
      { weight: 1, arbitrary: fc.constantFrom<Step["call"]>("createProject", "createCluster", "createToken") },
    ),
    connection: fc.nat(3),
    // Some are no valid names, and some come again.
    name: fc.oneof(
      { weight: 5, arbitrary: fc.constantFrom("ab", "abc", "first", "second", "third-one", "fourth", "fifth") },
      { weight: 1, arbitrary: fc.constantFrom("UPPER", "", "a b", "x".repeat(200)) },
    ),
    which: fc.nat(20),
  }),
  { minLength: 150, maxLength: 150 },
);

/** Replaces what is new at each run by the order in which it was first seen. */
function normalizer(): (value: unknown) => string {
  const seen = new Map<string, string>();
  const placeOf = (kind: string, text: string): string => {
    const known = seen.get(text) ?? `${kind} ${seen.size}`;
    seen.set(text, known);
    return known;
  };
  return (value) =>
    JSON.stringify(value, (key, each: unknown) => {
      if (typeof each === "bigint") return `${each}n`;
      if (["createdAt", "updatedAt", "deletedAt", "issuedAt", "expires", "timestamp"].includes(key))
        return each && "time";
      if (key === "secret") return "secret";
      return each;
    })
      .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, (uuid) => placeOf("uuid", uuid))
      .replace(/\b\d+\.\d+\.\d+\.\d+\b/g, (ip) => placeOf("ip", ip));
}

describe.skipIf(postgresUrl === undefined)(`one result, however many processes there are (${needsPostgres})`, () => {
  const installations: Installation[] = [];
  afterEach(async () => {
    for (const each of installations.splice(0)) await each.close();
  });

  /** Makes the calls one after another on a new database, each on its connection; answers what each was told. */
  async function results(plan: readonly Step[], start: (on: Installation) => Promise<readonly string[]>) {
    const installation = await install();
    installations.push(installation);
    const { token, project } = await installation.account("olga");
    const urls = await start(installation);
    const ways = Array.from({ length: 4 }, (_, at) => createGrpcTransport({ baseUrl: urls[at % urls.length] ?? "" }));
    const known: Known = { token, tenant: "olga", projects: [project], clusters: [], tokens: [] };
    const normalized = normalizer();
    const told: string[] = [];
    for (const step of plan) {
      const way = ways[step.connection % ways.length] as Transport;
      const answer = await calls[step.call](way, known, step).catch((error: unknown) => {
        const { code, rawMessage } = ConnectError.from(error);
        return { code: Code[code], rawMessage };
      });
      told.push(`${step.call} ${normalized(answer)}`);
    }
    return told;
  }

  test("the same calls are told the same by one process, by two, and by two servers", async () => {
    const [plan = []] = fc.sample(steps, { numRuns: 1, seed: 8 });
    const alone = await results(plan, async (on) => [(await on.serve([])).url]);
    expect(new Set(alone.map((line) => line.split(" ")[0])).size).toBe(Object.keys(calls).length);
    expect(alone.filter((line) => !line.includes('{"code":')).length).toBeGreaterThan(alone.length / 3);
    const two = await results(plan, async (on) => {
      const served = await on.serve(["--processes", "2"]);
      expect((await served.connections()).size).toBe(2);
      return [served.url];
    });
    expect(two).toEqual(alone);
    const replicas = await results(plan, async (on) => {
      const both = await Promise.all([on.serve([]), on.serve([])]);
      return both.map(({ url }) => url);
    });
    expect(replicas).toEqual(alone);
  }, 240_000);
});
