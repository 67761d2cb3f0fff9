import type { DescMessage, Message } from "@bufbuild/protobuf";
import { violationsToProto } from "@bufbuild/protovalidate";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ClusterService } from "../../gen/ts/api/v1/cluster_pb.js";
import { BadRequestSchema } from "../../src/rpc/error-details.js";
import { dialects } from "../rpc/support/transports.js";
import { as, startPlatform, type TestPlatform } from "../support/platform.js";

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
});
afterAll(() => platform.close());

const [, ViolationsSchema] = violationsToProto([]);
const most = 20;

describe("200 worker groups that break rules", () => {
  it.each(dialects)("are told as the first 20, and how many more, over $name", async ({ connect }) => {
    const workers = Array.from({ length: 200 }, () => ({
      name: "x".repeat(129),
      machineType: "n1-medium-x86",
      minsize: 33,
      maxsize: 1,
    }));
    const error = ConnectError.from(
      await platform
        .client(ClusterService, connect(platform.url))
        .create({ project: platform.project, name: "many", workers }, as(platform.tokens.owner))
        .catch((thrown: unknown) => thrown),
    );
    expect(error.code).toBe(Code.InvalidArgument);
    const [badRequest] = detailsOf<{ fieldViolations: { field: string; description: string }[] }>(
      error,
      BadRequestSchema,
    );
    const fields = Array.from({ length: 10 }, (_, i) => [`workers[${i}].name`, `workers[${i}].minsize`]).flat();
    expect(badRequest?.fieldViolations.map(({ field }) => field)).toEqual(fields);
    expect(badRequest?.fieldViolations.every(({ description }) => description !== "")).toBe(true);
    const [violations] = detailsOf<{ violations: { ruleId: string }[] }>(error, ViolationsSchema);
    expect(violations?.violations).toHaveLength(most);
    expect(violations?.violations.map(({ ruleId }) => ruleId).slice(0, 2)).toEqual(["string.max_len", "uint32.lte"]);
    expect(error.rawMessage).toMatch(/^workers\[0\]\.name: .*; and 380 more$/);
    expect(error.rawMessage.length).toBeLessThan(4_000);
  });
});

function detailsOf<T>(error: ConnectError, desc: DescMessage): (Message & T)[] {
  return error.findDetails(desc) as (Message & T)[];
}
