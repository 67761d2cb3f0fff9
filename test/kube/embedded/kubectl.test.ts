import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { hasKubectl } from "../../support/kubectl.js";
import { startKube, type TestKube, until, widgetDefinition } from "./support.js";

let kube: TestKube;
let directory: string;

interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function environment(cluster: string): NodeJS.ProcessEnv {
  return { ...process.env, KUBECONFIG: join(directory, `${cluster}.yaml`), HOME: directory };
}

async function kubectl(cluster: string, args: readonly string[], input?: string): Promise<Run> {
  return new Promise((resolve) => {
    const options = { env: environment(cluster), timeout: 20_000 };
    const child = execFile("kubectl", args, options, (error, out, err) => {
      resolve({ code: error ? Number(error.code ?? 1) : 0, out, err });
    });
    child.stdin?.end(input ?? "");
  });
}

const manifest = (data: string) =>
  [
    { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "settings", labels: { app: "web" } }, data: { x: data } },
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "web" },
      spec: {
        selector: { matchLabels: { app: "web" } },
        template: { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "c", image: `web:${data}` }] } },
      },
    },
  ]
    .map((object) => stringify(object))
    .join("---\n");

describe.skipIf(!hasKubectl).each(["management", "second"])("kubectl on the %s cluster", (cluster) => {
  const run = (args: string, input?: string) => kubectl(cluster, args.split(" "), input);
  const succeed = async (args: string, input?: string) => {
    const result = await run(args, input);
    expect(result, `kubectl ${args}: ${result.err}`).toMatchObject({ code: 0 });
    return result.out;
  };

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "embedded-kubectl-"));
    kube = await startKube();
    await kube.createCluster("second");
    const { yaml } = await kube.kubeconfig({ user: "jane", groups: ["cluster:second"], cluster: "second" });
    await writeFile(join(directory, "management.yaml"), kube.adminKubeconfig, { mode: 0o600 });
    await writeFile(join(directory, "second.yaml"), yaml, { mode: 0o600 });
  });
  afterAll(async () => {
    await kube.close();
    await rm(directory, { recursive: true, force: true });
  });

  test("finds out what there is", async () => {
    expect(await succeed("version")).toContain("Server Version: v1.32.0+slipway");
    const resources = await succeed("api-resources --no-headers");
    expect(resources).toMatch(/^deployments +deploy +apps\/v1 +true +Deployment$/m);
    expect(await succeed("api-versions")).toContain("networking.k8s.io/v1");
    expect(await succeed("explain configmaps")).toContain("KIND:       ConfigMap");
    expect(await succeed("auth whoami -o jsonpath={.status.userInfo.username}")).toMatch(/^(admin|jane)$/);
    expect(await succeed("auth can-i create pods")).toBe("yes\n");
    expect(await succeed("cluster-info")).toContain(cluster === "second" ? `${kube.url}/clusters/second` : kube.url);
  });

  test("applies, shows differences, describes, patches and deletes", async () => {
    expect(await succeed("apply -f -", manifest("1"))).toBe(
      "configmap/settings created\ndeployment.apps/web created\n",
    );
    expect(await succeed("apply -f -", manifest("1"))).toBe(
      "configmap/settings unchanged\ndeployment.apps/web unchanged\n",
    );
    const difference = await run("diff -f -", manifest("2"));
    expect(difference).toMatchObject({ code: 1, out: expect.stringMatching(/^\+ {2}x: "2"$/m) });
    expect(await succeed("apply -f -", manifest("2"))).toBe(
      "configmap/settings configured\ndeployment.apps/web configured\n",
    );
    expect(await succeed("get deployments")).toMatch(
      /^NAME +READY +UP-TO-DATE +AVAILABLE +AGE\nweb +0\/1 +0 +0 +\d+s\n$/,
    );
    expect(await succeed("describe deployment web")).toMatch(/Image: +web:2/);
    expect(await succeed("describe configmap settings")).toContain("app=web");
    await succeed("scale deployment web --replicas=3");
    await succeed("set image deployment/web c=web:3");
    await succeed("label configmap settings tier=front");
    await succeed("annotate configmap settings note=kept");
    await succeed('patch configmap settings --type=json -p [{"op":"add","path":"/data/y","value":"z"}]');
    await succeed('patch configmap settings --type=merge -p {"data":{"w":"v"}}');
    await succeed('patch deployment web -p {"spec":{"template":{"spec":{"containers":[{"name":"d","image":"d"}]}}}}');
    expect(
      await succeed("get deployment web -o jsonpath={.spec.replicas}/{.spec.template.spec.containers[*].image}"),
    ).toBe("3/d web:3");
    expect(JSON.parse(await succeed("get configmap settings -o jsonpath={.data}"))).toEqual({ x: "2", y: "z", w: "v" });
    expect(await succeed("get configmaps -l tier=front -o name")).toBe("configmap/settings\n");
    await succeed("wait deployment/web --for=jsonpath={.spec.replicas}=3 --timeout=5s");
    const applied = await run("apply --server-side --field-manager=other -f -", manifest("9"));
    expect(applied.err).toContain("conflict");
    await succeed("apply --server-side --force-conflicts --field-manager=other -f -", manifest("9"));
    await succeed("delete -f -", manifest("9"));
    expect((await run("get deployment web")).err).toContain('deployments.apps "web" not found');
  });

  test("creates by its own generators, which speak protobuf", async () => {
    await succeed("create namespace made");
    await succeed("create configmap c --from-literal=a=b -n made");
    await succeed("create secret generic s --from-literal=p=q -n made");
    await succeed("create deployment d --image=nginx --replicas=2 --port=80 -n made");
    await succeed("create job j --image=busybox -n made -- echo hi");
    await succeed("create service clusterip v --tcp=80:http -n made");
    await succeed("create serviceaccount robot -n made");
    await succeed("run p --image=nginx -n made");
    const read = (what: string, path: string) => succeed(`get ${what} -n made -o jsonpath={${path}}`);
    expect(await read("configmap/c", ".data.a")).toBe("b");
    expect(await read("secret/s", ".data.p")).toBe(Buffer.from("q").toString("base64"));
    expect(await read("deployment/d", ".spec.template.spec.containers[0].ports[0].containerPort")).toBe("80");
    expect(await read("job/j", ".spec.template.spec.containers[0].command")).toBe('["echo","hi"]');
    expect(await read("service/v", ".spec.ports[0].targetPort")).toBe("http");
    expect((await run("create quota q --hard=pods=1 -n made")).err).toContain("unknown format");
    expect(await succeed("logs p -n made")).toBe("");
    expect((await run("exec p -n made -- ls")).err).toContain("this server does not run containers");
    expect(await succeed("delete namespace made --timeout=10s")).toBe('namespace "made" deleted\n');
    expect((await run("get namespace made")).code).toBe(1);
  });

  test("defines resources, explains and uses them", async () => {
    expect(await succeed("create -f -", stringify(widgetDefinition))).toContain("widgets.example.org created");
    await succeed("wait crd/widgets.example.org --for=condition=Established --timeout=5s");
    const widget = { apiVersion: "example.org/v1", kind: "Widget", metadata: { name: "w" }, spec: { size: 3 } };
    await succeed("apply -f -", stringify(widget));
    await succeed("apply -f -", stringify({ ...widget, spec: { size: 4 } }));
    expect(await succeed("get wd")).toMatch(/^NAME +SIZE +READY +AGE\nw +4 +\S* *\d+s\n$/);
    expect(await succeed("explain widget.spec.size")).toContain("How large the widget is.");
    await succeed("scale widget w --replicas=2");
    expect(await succeed("get widget w -o jsonpath={.spec.replicas}")).toBe("2");
    expect(await succeed("delete crd widgets.example.org --timeout=10s")).toContain("deleted");
    expect((await run("get widgets")).code).toBe(1);
  });

  test("watches", async () => {
    const child: ChildProcess = spawn("kubectl", ["get", "secrets", "-w", "-o", "name"], { env: environment(cluster) });
    let seen = "";
    child.stdout?.on("data", (chunk) => {
      seen += String(chunk);
    });
    const ended = new Promise((resolve) => child.once("close", resolve));
    await succeed("create secret generic first --from-literal=a=b");
    await until(() => seen.includes("secret/first\n"));
    await succeed("create secret generic second --from-literal=a=b");
    await until(() => seen.includes("secret/second\n"));
    child.kill();
    await ended;
  });
});
