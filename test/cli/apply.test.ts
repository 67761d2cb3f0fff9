import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { ConfigService } from "../../gen/ts/deploy/v1/config_pb.js";
import { DeploymentService } from "../../gen/ts/deploy/v1/deployment_pb.js";
import { EnvironmentService } from "../../gen/ts/deploy/v1/environment_pb.js";
import { as, startPlatform, type TestPlatform } from "../support/platform.js";
import { openProgram, type UserProgram } from "./support/program.js";

// Each command is a process of its own, on a machine that may be busy.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let platform: TestPlatform;
let user: UserProgram;
let env: NodeJS.ProcessEnv;
beforeAll(async () => {
  [platform, user] = await Promise.all([startPlatform({ hostWorkloads: true, timeScale: 20 }), openProgram()]);
  env = { SLIPWAY_URL: platform.url, SLIPWAY_TOKEN: platform.tokens.owner, SLIPWAY_PROJECT: platform.project };
  await writeFile(join(user.home, "kubeconfig"), platform.kube.kubeconfig);
});
afterAll(async () => {
  await user.close();
  await platform.close();
});

const slipway = (...args: string[]) => user.run(args, { env });
const pipe = (input: string, ...args: string[]) => user.run([...args, "-f", "-"], { env, input });
const owner = () => as(platform.tokens.owner);

const shop = (greeting: string, password: string, replicas: number) => `
kind: Environment
name: staging
isDefault: true
labels: {tier: test}
---
kind: Target
name: here
kubeconfigFile: kubeconfig
---
kind: Namespace
name: shop
target: here
---
kind: Secret
name: db
type: SECRET_TYPE_OPAQUE
stringData: {password: "${password}"}
---
kind: Deployment
name: web
namespace: shop
source: {image: {image: "nginxinc/nginx-unprivileged:1.29"}}
scale: [{process: web, replicas: ${replicas}}]
config:
  set_variables:
    - {name: GREETING, value: "${greeting}"}
    - {name: HUSH, value: never-shown, sensitive: true}
    - {name: PASSWORD, secret: {secret: db, key: password}}
`;

describe("apply", () => {
  it("makes what is not there, changes what differs, and leaves the rest alone", async () => {
    const folder = join(user.home, "shop");
    await mkdir(folder);
    await writeFile(join(folder, "kubeconfig"), platform.kube.kubeconfig);
    const write = (text: string) => writeFile(join(folder, "all.yaml"), text);
    await write(shop("hello", "hunter2", 2));
    const dry = await slipway("apply", "-f", "shop", "--dry-run");
    expect(dry).toMatchObject({ code: 0, stdout: expect.stringContaining("create Deployment web") });
    expect(dry.stdout).not.toMatch(/hunter2|never-shown|aHVudGVy|certificate-authority/);
    expect(
      (await platform.client(EnvironmentService).list({ project: platform.project }, owner())).environments,
    ).toEqual([]);
    const first = await slipway("apply", "-f", "shop", "--wait");
    expect(first).toMatchObject({
      code: 0,
      stdout: `${["Environment staging", "Target here", "Namespace shop", "Secret db", "Deployment web"]
        .map((name) => `${name} created\n`)
        .join("")}`,
    });
    expect(first.stderr).toMatch(/SUCCEEDED 100%/);
    expect(await slipway("diff", "-f", "shop", "--exit-code")).toMatchObject({ code: 0, stdout: "" });
    await write(shop("bye", "hunter3", 3));
    const changed = await slipway("diff", "-f", "shop", "--exit-code");
    expect(changed.code).toBe(1);
    expect(changed.stdout).toMatch(/^ {2}- +value: hello$/m);
    expect(changed.stdout).toMatch(/^ {2}\+ +value: bye$/m);
    expect(changed.stdout).toMatch(/\(hidden, changed\)/);
    expect(changed.stdout).not.toMatch(/hunter|never-shown/);
    const refused = await slipway("apply", "-f", "shop");
    expect(refused).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("cannot be taken back: data of Secret db"),
    });
    const second = await slipway("apply", "-f", "shop", "--yes", "--wait");
    expect(second).toMatchObject({ code: 0, stdout: expect.stringContaining("Deployment web changed") });
    expect(second.stdout).toContain("Target here unchanged");
    const { deployments } = await platform.client(DeploymentService).list({ project: platform.project }, owner());
    expect(deployments).toMatchObject([{ name: "web", processes: [{ name: "web", replicas: 3 }] }]);
    const of = { project: platform.project, deployment: deployments[0]?.uuid ?? "" };
    const { configuration } = await platform.client(ConfigService).get(of, owner());
    expect(configuration?.variables.find(({ name }) => name === "GREETING")?.value).toBe("bye");
    expect(await slipway("diff", "-f", "shop", "--exit-code")).toMatchObject({ code: 0, stdout: "" });
    const gone = await slipway("delete", "-f", "shop", "--yes", "--wait");
    expect(gone).toMatchObject({ code: 0, stdout: expect.stringContaining("Environment staging deleted") });
    expect((await slipway("delete", "-f", "shop", "--yes")).stdout).toContain("Deployment web is not there");
  });

  it("names file, line and column of everything that is wrong, and changes nothing", async () => {
    const text = `kind: Cluster
nme: x
name: first
kubernetes:
  version: 1.33
workers:
  - name: a
    minsize: lots
    machineTyp: z
maintenance: {timeWindow: {begin: noon, duration: "3600s"}}
---
kind: Secret
name: q
type: OPAQUE
data: 3
---
kind: Clster
name: x
---
kind: IP
name: twin
---
kind: IP
name: twin
---
- a list
---
kind: Environment
`;
    await writeFile(join(user.home, "bad.yaml"), text);
    const outcome = await slipway("apply", "-f", "bad.yaml");
    expect(outcome.code).toBe(11);
    expect(outcome.stderr).toMatch(/^ {2}bad\.yaml:26:1: it must be a mapping that begins with kind:$/m);
    const rest = await pipe(text.replace("---\n- a list\n", ""), "apply");
    expect(rest.code).toBe(11);
    for (const line of [
      /^ {2}stdin:2:1: there is no field nme; did you mean name\?$/m,
      /^ {2}stdin:5:12: kubernetes\.version must be text: put it in quotes$/m,
      /^ {2}stdin:8:14: workers\[0\]\.minsize is not valid: /m,
      /^ {2}stdin:9:5: there is no field workers\[0\]\.machineTyp; did you mean machineType\?$/m,
      /^ {2}stdin:10:35: maintenance\.timeWindow\.begin must be a time/m,
      /^ {2}stdin:14:7: type must be one of SECRET_TYPE_OPAQUE/m,
      /^ {2}stdin:15:7: data must be a mapping$/m,
      /^ {2}stdin:17:1: there is no kind Clster; did you mean Cluster\?$/m,
      /^ {2}stdin:23:1: IP twin stands at stdin:20:1, too$/m,
      /^ {2}stdin:26:1: name is missing$/m,
    ]) {
      expect(rest.stderr).toMatch(line);
    }
    const broken = await pipe("kind: IP\nname: [\n", "apply");
    expect(broken).toMatchObject({ code: 11, stderr: expect.stringMatching(/stdin:\d+:\d+: /) });
  });

  it("asks at a terminal before it changes what is there", async () => {
    const file = (description: string) => `kind: IP\nname: kept\ndescription: ${description}\n`;
    expect(await pipe(file("one"), "apply")).toMatchObject({ code: 0, stdout: "IP kept created\n" });
    await writeFile(join(user.home, "ip.yaml"), file("two"));
    const prefix = Object.entries(env).map(([name, value]) => `${name}='${value}'`);
    const asked = user.atTerminal(`${prefix.join(" ")} slipway apply -f ip.yaml`);
    await asked.printed(/Change 1 that is there\? \[y\/N\]/);
    asked.child.stdin.write("n\r");
    const { code, stdout } = await asked.outcome;
    expect([code, stdout]).toEqual([1, expect.stringContaining("nothing was changed")]);
    // In colour, as it is at a terminal.
    expect(stdout).toContain("\u001b[32m+ description: two");
    expect((await slipway("apply", "-f", "ip.yaml")).stdout).toBe("IP kept changed\n");
    expect((await slipway("apply", "-f", "ip.yaml")).stdout).toBe("IP kept unchanged\n");
  });

  it("says what cannot be changed, and what there is not", async () => {
    await pipe("kind: Cluster\nname: fixed\n", "apply");
    const moved = await pipe("kind: Cluster\nname: fixed\npartition: elsewhere\n", "apply");
    expect(moved).toMatchObject({ code: 7, stderr: expect.stringContaining("partition cannot be changed") });
    const lost = await pipe("kind: Namespace\nname: lost\ntarget: nowhere\n", "apply");
    expect(lost).toMatchObject({ code: 5, stderr: expect.stringContaining('there is no target "nowhere"') });
    expect((await slipway("apply", "-f", "none.yaml")).code).toBe(2);
    expect((await slipway("apply")).code).toBe(2);
  });
});
