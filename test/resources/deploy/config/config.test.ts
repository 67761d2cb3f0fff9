import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ReleaseCause } from "../../../../gen/ts/deploy/v1/release_pb.js";
import { TaskKind } from "../../../../gen/ts/deploy/v1/task_pb.js";
import { startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { refusal } from "../../support/refusals.js";
import { deploymentsOf, setting } from "../deployment/deployments.js";

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

describe("the configuration", () => {
  it("is that of the active release, or of another one; sensitive values are empty [tsuru.env-get, tsuru.app-metric-envs, deis.config-list]", async () => {
    const { uuid } = await all.create({ config: setting({ HELLO: "world" }) });
    const read = (release = 0) => all.configs.get({ ...named(uuid), release }, all.owner);
    expect(await read()).toMatchObject({ release: 0, configuration: { variables: [] } });
    expect(await read(1)).toMatchObject({ release: 1, configuration: { variables: [{ name: "HELLO" }] } });
    await all.work(uuid);
    await all.configure(uuid, {
      setVariables: [{ name: "PASSWORD", value: "hush", sensitive: true }],
      setFiles: [{ path: "/etc/app.conf", content: "a = b" }],
    });
    expect(await read()).toMatchObject({
      release: 1,
      configuration: { variables: [{ name: "HELLO", value: "world" }] },
    });
    await all.work(uuid);
    expect(await read()).toMatchObject({
      release: 2,
      configuration: {
        variables: [
          { name: "HELLO", value: "world", sensitive: false },
          { name: "PASSWORD", value: "", sensitive: true },
        ],
        files: [{ path: "/etc/app.conf", content: "a = b" }],
      },
    });
    expect(await read(1)).toMatchObject({ configuration: { variables: [{ name: "HELLO" }], files: [] } });
    expect(await refusal(read(7))).toMatchObject({ code: "NotFound" });
  });

  it("is set, and makes a release that says what was added [tsuru.env-set, deis.config-set]", async () => {
    const uuid = await all.running();
    const { release, task } = await all.configure(uuid, setting({ HELLO: "world", BYE: "moon" }));
    expect(release).toMatchObject({ number: 2, cause: ReleaseCause.CONFIG, summary: "added BYE and HELLO" });
    expect(task).toMatchObject({ kind: TaskKind.RELEASE, release: 2 });
    await all.work(uuid);
    expect(await all.config(uuid)).toEqual({ HELLO: "world", BYE: "moon" });
  });

  it("is unset; what is not there cannot be [tsuru.env-unset, deis.config-unset]", async () => {
    const uuid = await all.running({ config: setting({ A: "1", B: "2" }) });
    const { release } = await all.configure(uuid, { unsetVariables: ["A"], setVariables: [{ name: "B", value: "3" }] });
    expect(release?.summary).toBe("changed B, removed A");
    await all.work(uuid);
    expect(await all.config(uuid)).toEqual({ B: "3" });
    expect(await refusal(all.configure(uuid, { unsetVariables: ["A"] }))).toMatchObject({ code: "NotFound" });
    expect(await refusal(all.configure(uuid, { ...setting({ B: "1" }), unsetVariables: ["B"] }))).toMatchObject({
      code: "InvalidArgument",
    });
    expect(await refusal(all.configure(uuid, {}))).toMatchObject({ fields: ["patch"] });
  });

  it("is changed on the ground of the release that is active then", async () => {
    const uuid = await all.running({ config: setting({ A: "1" }) });
    await all.configure(uuid, setting({ B: "2" }));
    await all.configure(uuid, { unsetVariables: ["B"] });
    await all.configure(uuid, setting({ C: "3" }));
    await all.work(uuid, "failed", "it cannot");
    // Unset of what never came: its task fails, and says why.
    await expect(all.work(uuid)).rejects.toThrow("no variable");
    await all.work(uuid, "failed", "no variable");
    await all.work(uuid);
    expect(await all.config(uuid)).toEqual({ A: "1", C: "3" });
    expect((await all.release(uuid, 4)).summary).toBe("added C");
  });

  it("is refused at once what does not fit, although a release is to be made later", async () => {
    const uuid = await all.running({ config: setting({ A: "1" }) });
    const executeAt = timestampFromDate(new Date(Date.now() + 3_600_000));
    await all.configure(uuid, setting({ B: "2" }), { executeAt });
    expect(await refusal(all.configure(uuid, { unsetVariables: ["B"] }))).toMatchObject({ code: "NotFound" });
    const then = timestampFromDate(new Date(Date.now() + 7_200_000));
    expect((await all.configure(uuid, { unsetVariables: ["B"] }, { executeAt: then })).release?.number).toBe(3);
  });
});
