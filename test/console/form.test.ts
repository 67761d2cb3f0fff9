import { create, fromJson, type JsonValue, toJson } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { check, loadValidator } from "../../console/src/kit/form/check.js";
import {
  type DraftObject,
  type FieldProblem,
  setAt,
  toDraft,
  toMessageJson,
} from "../../console/src/kit/form/draft.js";
import { wordsOf } from "../../console/src/kit/form/layout.js";
import { entryOf, enumChoices } from "../../console/src/kit/form/rules.js";
import { withoutSecrets } from "../../console/src/kit/form/secrets.js";
import { durationUnits, inUnit, sizeUnits, unitOf } from "../../console/src/kit/form/units.js";
import { ClusterServiceCreateRequestSchema, WorkerSchema } from "../../gen/ts/api/v1/cluster_pb.js";
import { DeploymentServiceCreateRequestSchema } from "../../gen/ts/deploy/v1/deployment_pb.js";
import { SecretDataSchema, SecretServiceCreateRequestSchema } from "../../gen/ts/deploy/v1/secret_pb.js";
import { ProcessKindSchema } from "../../gen/ts/deploy/v1/spec_pb.js";

const fieldOf = (desc: { readonly fields: readonly { readonly name: string }[] }, name: string) =>
  desc.fields.find((each) => each.name === name) as Parameters<typeof entryOf>[0];

describe("a form of a message", () => {
  it("holds every message as it is", () => {
    const message = create(DeploymentServiceCreateRequestSchema, {
      project: "p",
      name: "web",
      source: { source: { case: "image", value: { image: "nginx" } } },
    });
    const json = toJson(DeploymentServiceCreateRequestSchema, message, { useProtoFieldName: true });
    const draft = toDraft(DeploymentServiceCreateRequestSchema, json);
    const problems: FieldProblem[] = [];
    const back = toMessageJson(DeploymentServiceCreateRequestSchema, draft, problems);
    expect(problems).toEqual([]);
    expect(fromJson(DeploymentServiceCreateRequestSchema, back as JsonValue)).toEqual(message);
  });

  it("tells what cannot be a number, and what the rules do not allow, by the paths of violations", async () => {
    const draft: DraftObject = {
      name: "A",
      project: "p-1",
      workers: [{ name: "group-0", machine_type: "m1", minsize: "many", maxsize: "99" }],
    };
    const { problems } = check(ClusterServiceCreateRequestSchema, draft, await loadValidator());
    const fields = problems.map(({ field }) => field);
    expect(fields).toContain("workers[0].minsize");
    expect(fields).toContain("workers[0].maxsize");
    expect(fields).toContain("name");
    expect(problems.find(({ field }) => field === "workers[0].minsize")?.message).toBe("must be a whole number");
  });

  it("leaves out what is empty, but not a member that was chosen", () => {
    const problems: FieldProblem[] = [];
    const draft: DraftObject = { name: "x", kubernetes: { version: "" }, maintenance: {} };
    expect(toMessageJson(ClusterServiceCreateRequestSchema, draft, problems)).toEqual({
      name: "x",
      kubernetes: { version: "" },
    });
    const chosen = toMessageJson(DeploymentServiceCreateRequestSchema, { source: { image: {} } }, problems);
    expect(chosen).toEqual({ source: { image: {} } });
    expect(problems).toEqual([]);
  });

  it("changes one value and leaves the others the same objects", () => {
    const before: DraftObject = { name: "x", workers: [{ name: "a" }, { name: "b" }] };
    const after = setAt(before, ["workers", 1, "name"], "c") as DraftObject;
    expect(after).toEqual({ name: "x", workers: [{ name: "a" }, { name: "c" }] });
    expect((after.workers as DraftObject[])[0]).toBe((before.workers as DraftObject[])[0]);
    expect(setAt(after, ["workers", 0], undefined)).toEqual({ name: "x", workers: [{ name: "c" }] });
  });

  it("knows which fields are needed, their bounds, and the words of enums", () => {
    expect(entryOf(fieldOf(ClusterServiceCreateRequestSchema, "name")).required).toBe(true);
    expect(entryOf(fieldOf(ClusterServiceCreateRequestSchema, "partition")).required).toBe(false);
    expect(entryOf(fieldOf(WorkerSchema, "maxsize")).max).toBe(64);
    expect(enumChoices(ProcessKindSchema).map(({ label }) => label)).toEqual([
      "Service",
      "Stateful",
      "Job",
      "Release job",
    ]);
    expect(wordsOf("machine_type")).toBe("Machine type");
  });

  it("keeps no secret, at any depth", () => {
    const values = SecretDataSchema.fields.filter(({ proto }) => proto.options?.debugRedact === true);
    expect(values.map(({ name }) => name)).toEqual(["values"]);
    const draft: DraftObject = { name: "n", data: { values: [{ key: "a", value: "hush" }] } };
    expect(withoutSecrets(SecretServiceCreateRequestSchema, draft)).toEqual({ name: "n", data: {} });
  });

  it("takes bytes as the text that they are", () => {
    const draft: DraftObject = { data: { values: [{ key: "a", value: "grün" }] } };
    const json = toMessageJson(SecretServiceCreateRequestSchema, draft, []);
    expect(json).toEqual({ data: { values: { a: "Z3LDvG4=" } } });
    expect(toDraft(SecretServiceCreateRequestSchema, json)).toEqual(draft);
  });

  it("shows amounts in the largest unit that fits", () => {
    const gib = sizeUnits[1] ?? expect.fail();
    expect(unitOf(20 * 1024 ** 3, sizeUnits, gib).name).toBe("GiB");
    expect(inUnit(1.5 * 1024 ** 3, gib)).toBe("1.5");
    expect(unitOf(7_200, durationUnits, gib).name).toBe("hours");
  });
});
