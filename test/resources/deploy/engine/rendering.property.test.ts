import fc from "fast-check";
import { expect, it } from "vitest";
import { DomainError } from "../../../../src/errors.js";
import type { Manifest, RenderInput } from "../../../../src/resources/deploy/engine/engine.js";
import { engineOf } from "../../../../src/resources/deploy/engine/engine-of.js";
import { jobManifest } from "../../../../src/resources/deploy/engine/images/jobs.js";
import type {
  ConfigContent,
  ProcessContent,
  SourceContent,
  WholeRelease,
} from "../../../../src/resources/deploy/spec/content.js";
import { chart, contents, image, input, process, release } from "./releases.js";

const secretText = "hunter2-never-to-be-seen";
const secrets = contents([
  ["s", 1, { key: secretText }],
  ["login", 0, { server: "registry.example", username: "me", password: secretText }],
]);
const use = { secret: "s", key: "key", version: 1, follows: true };

const objectName = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/);
const processName = fc.stringMatching(/^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$/);
const number = fc.integer({ min: 1, max: 2_000_000_000 });

const anyProcess: fc.Arbitrary<ProcessContent> = fc
  .record({
    name: processName,
    kind: fc.constantFrom("service", "stateful", "job", "release_job"),
    ports: fc.constantFrom<ProcessContent["ports"]>([], process().ports),
    schedule: fc.constantFrom("", "0 * * * *"),
    hasStorage: fc.boolean(),
  })
  .map(({ hasStorage, ...rest }) => {
    const storage = { size: "1Gi", storageClass: "", path: "/data" };
    return process({ ...rest, ...(hasStorage && rest.kind === "stateful" ? { storage } : {}) });
  });
const processes = fc.uniqueArray(anyProcess, { minLength: 1, maxLength: 6, selector: ({ name }) => name });

const config: fc.Arbitrary<ConfigContent> = fc
  .record({
    plain: fc.boolean(),
    sensitive: fc.boolean(),
    taken: fc.boolean(),
    file: fc.boolean(),
    mount: fc.boolean(),
  })
  .map(({ plain, sensitive, taken, file, mount }) => ({
    variables: [
      ...(plain ? [{ name: "PLAIN", value: "1", sensitive: false }] : []),
      ...(sensitive ? [{ name: "SENSITIVE", value: secretText, sensitive: true }] : []),
      ...(taken ? [{ name: "TAKEN", value: "", sensitive: false, use }] : []),
    ],
    files: file ? [{ path: "/etc/a", content: "a" }] : [],
    secretMounts: mount ? [{ secret: "s", path: "/run/s", version: 1, follows: true }] : [],
  }));

const imageRelease: fc.Arbitrary<WholeRelease> = fc
  .record({ processes, config, registrySecret: fc.constantFrom("", "login") })
  .map(({ registrySecret, ...rest }) => release({ ...rest, source: image("a/b:c", { registrySecret }) }));

const chartRelease: fc.Arbitrary<WholeRelease> = fc
  .record({
    config,
    engine: fc.constantFrom<"flux" | "argo_cd">("flux", "argo_cd"),
    repository: fc.constantFrom("https://a.example", "oci://a.example/b"),
    registrySecret: fc.constantFrom("", "login"),
    takes: fc.boolean(),
  })
  .map(({ config: { variables }, takes, ...rest }) => {
    const secretValues = takes ? [{ path: "a.b", use }] : [];
    const source: SourceContent = chart({ ...rest, secretValues, variablesPath: "env" });
    return release({ source, processes: [], config: { variables } });
  });

const scaleEntry = fc.record(
  {
    replicas: fc.integer({ min: 0, max: 9 }),
    autoscale: fc.constant({ min: 2, max: 4, cpu: 50, memory: 50 }),
    stopped: fc.boolean(),
  },
  { requiredKeys: ["replicas"] },
);

const anyInput: fc.Arbitrary<RenderInput> = fc
  .record({
    objectName,
    number,
    stopped: fc.boolean(),
    entry: scaleEntry,
    release: fc.oneof(imageRelease, chartRelease),
    beside: fc.option(fc.record({ number, release: imageRelease, percent: fc.integer({ min: 1, max: 99 }) })),
  })
  .map(({ objectName: name, entry, beside, ...rest }) => {
    const scale = Object.fromEntries(rest.release.processes.map((each) => [each.name, entry]));
    const variants = beside === null ? [] : [beside];
    return input({ ...rest, objectName: name, scale, variants, secrets });
  });

/** All objects; undefined when they are refused with a reason. */
function rendered(given: RenderInput): Manifest[] | undefined {
  try {
    const { first, releaseJobs, workloads } = engineOf(given.release).render(given);
    return [...first, ...releaseJobs, ...workloads];
  } catch (error) {
    expect(error).toBeInstanceOf(DomainError);
    expect(error).toMatchObject({ kind: "precondition" });
    expect(String(error)).not.toContain(secretText);
    return undefined;
  }
}

const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

it("names are DNS labels, each once, and labels have values that Kubernetes takes", () => {
  fc.assert(
    fc.property(anyInput, (given) => {
      const all = rendered(given) ?? [];
      const keys = all.map(({ type, object }) => `${type.kind} ${object.metadata.namespace} ${object.metadata.name}`);
      expect(new Set(keys).size).toBe(keys.length);
      for (const { type, object } of all) {
        expect(object.metadata.name).toMatch(label);
        if (type.kind === "CronJob" || type.kind === "StatefulSet") {
          expect(object.metadata.name.length).toBeLessThanOrEqual(52);
        }
        for (const value of Object.values(object.metadata.labels ?? {})) {
          expect(value).toMatch(/^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/);
        }
        expect(object.metadata.labels).toMatchObject({
          "app.kubernetes.io/managed-by": "slipway",
          "slipway.dev/deployment": given.owner.deployment,
        });
      }
    }),
  );
});

it("what cannot be changed is the same in every release: selectors, names of services, storage", () => {
  const fixed = (manifests: readonly Manifest[] = []) =>
    manifests.flatMap(({ type, object }) => {
      const spec: Readonly<Record<string, unknown>> = Object(object.spec);
      if (type.group !== "apps" || object.metadata.labels?.["slipway.dev/variant"] !== "active") return [];
      const { selector, serviceName, podManagementPolicy, volumeClaimTemplates } = spec;
      return [{ name: object.metadata.name, selector, serviceName, podManagementPolicy, volumeClaimTemplates }];
    });
  fc.assert(
    fc.property(anyInput, imageRelease, number, (given, other, later) => {
      const next = { ...other, processes: given.release.processes };
      if (given.release.source.type !== "image") return;
      const before = rendered({ ...given, variants: [] });
      const after = rendered({
        ...given,
        number: later,
        release: next,
        variants: [],
        stopped: !given.stopped,
        scale: {},
      });
      if (before === undefined || after === undefined) return;
      expect(fixed(after)).toEqual(fixed(before));
    }),
  );
});

it("nothing secret is outside of Secrets", () => {
  fc.assert(
    fc.property(anyInput, (given) => {
      const encoded = Buffer.from(secretText).toString("base64");
      for (const { type, object } of rendered(given) ?? []) {
        if (type.kind === "Secret") continue;
        const text = JSON.stringify(object);
        expect(text).not.toContain(secretText);
        expect(text).not.toContain(encoded);
      }
    }),
  );
});

it("the same input gives the same objects, and changes nothing of it", () => {
  fc.assert(
    fc.property(anyInput, (given) => {
      const before = JSON.stringify(given);
      const first = JSON.stringify(rendered(given));
      expect(JSON.stringify(rendered(structuredClone(given)))).toBe(first);
      expect(JSON.stringify(given)).toBe(before);
    }),
  );
});

it("when it is stopped nothing of an image is to run", () => {
  fc.assert(
    fc.property(anyInput, (given) => {
      if (given.release.source.type !== "image") return;
      for (const { type, object } of rendered({ ...given, stopped: true }) ?? []) {
        if (type.group === "apps") expect(object.spec).toMatchObject({ replicas: 0 });
        if (type.kind === "CronJob") expect(object.spec).toMatchObject({ suspend: true });
      }
    }),
  );
});

it("a job that is run now selects no Service and has the name that was asked for, or one like it", () => {
  fc.assert(
    fc.property(anyInput, fc.stringMatching(/^[a-z]([a-z0-9-]{0,90}[a-z0-9])?$/), (given, name) => {
      const job = given.release.processes.find(({ kind }) => kind === "job");
      if (job === undefined) return;
      const { metadata, ...rest } = jobManifest(given, job.name, [], name).object;
      expect(metadata.name).toMatch(label);
      if (name.length <= 63) expect(metadata.name).toBe(name);
      expect(JSON.stringify(rest)).not.toContain(secretText);
    }),
  );
});
