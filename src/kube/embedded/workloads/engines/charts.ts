import { createHash } from "node:crypto";
import { asFields, asList, asNumber, asText } from "../../fields.js";
import type { Fields, KubeObject } from "../../types.js";
import { canonical } from "../objects.js";

/** An object that a chart is rendered to. */
export interface Rendered {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string; readonly labels: Record<string, string> };
  readonly [field: string]: unknown;
}

/** A release that a chart is rendered for. */
export interface Release {
  readonly name: string;
  readonly namespace: string;
}

interface Chart {
  readonly versions: readonly string[];
  readonly render: (release: Release, values: Fields, version: string) => Rendered[];
}

/** What every chart repository offers here. */
const charts: Readonly<Record<string, Chart>> = {
  "demo-web": { versions: ["1.0.0", "1.1.0", "2.0.0"], render: renderWeb },
  "demo-broken": {
    versions: ["1.0.0"],
    render: (release, values, version) =>
      renderWeb(release, { ...values, image: "registry.example/never-ready" }, version),
  },
};

/** The versions of each chart, the oldest first. */
export const offeredCharts: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries(charts).map(([name, { versions }]) => [name, versions]),
);

/** The newest version of a chart that a constraint allows; undefined when there is no such chart or version. */
export function resolveChart(name: string, constraint: string): string | undefined {
  if (!Object.hasOwn(charts, name)) return undefined;
  const all = charts[name]?.versions ?? [];
  return all.findLast((version) => satisfies(version, constraint.trim()));
}

/** Renders a chart that was resolved. */
export function renderChart(name: string, version: string, values: Fields, release: Release): Rendered[] {
  return charts[name]?.render(release, values, version) ?? [];
}

/** A digest as OCI registries name things. */
export function digestOf(value: unknown): string {
  return `sha256:${createHash("sha256").update(canonical(value)).digest("hex")}`;
}

function satisfies(version: string, constraint: string): boolean {
  if (constraint === "" || constraint === "*") return true;
  const match = /^(>=|\^|~|=|v)?\s*v?(\d+)(?:\.(\d+|x|\*))?(?:\.(\d+|x|\*))?$/.exec(constraint);
  if (match === null) return false;
  const [, operator = "", ...parts] = match;
  const wanted = parts.map((part) => (part === undefined || /^[x*]$/.test(part) ? undefined : Number(part)));
  const actual = version.split(".").map(Number);
  const fixed = operator === "^" ? 1 : operator === "~" ? 2 : operator === ">=" ? 0 : 3;
  const same = wanted.slice(0, fixed).every((part, index) => part === undefined || part === actual[index]);
  return same && (fixed === 3 || compare(actual, wanted) >= 0);
}

function compare(a: readonly number[], b: readonly (number | undefined)[]): number {
  const index = a.findIndex((part, at) => part !== (b[at] ?? 0));
  return index < 0 ? 0 : (a[index] ?? 0) - (b[index] ?? 0);
}

/** A Deployment with its Service, an Ingress where `ingress.host` is given, and a Secret where `secret` is. */
function renderWeb({ name, namespace }: Release, values: Fields, version: string): Rendered[] {
  const labels = {
    "app.kubernetes.io/name": "demo-web",
    "app.kubernetes.io/instance": name,
    "app.kubernetes.io/version": version,
    "app.kubernetes.io/managed-by": "Helm",
  };
  const selected = { "app.kubernetes.io/name": "demo-web", "app.kubernetes.io/instance": name };
  const object = (apiVersion: string, kind: string, content: Fields): Rendered => {
    return { apiVersion, kind, metadata: { name, namespace, labels }, ...content };
  };
  const secret = asFields(values.secret);
  const hasSecret = Object.keys(secret).length > 0;
  const image = asText(values.image) || `registry.example/demo-web:${version}`;
  const container = {
    name: "web",
    image,
    env: envOf(values.env),
    ports: [{ name: "http", containerPort: 8080 }],
    ...(hasSecret ? { envFrom: [{ secretRef: { name } }] } : {}),
  };
  const { host, className } = asFields(values.ingress);
  const backend = { service: { name, port: { name: "http" } } };
  const rule = { host, http: { paths: [{ path: "/", pathType: "Prefix", backend }] } };
  return [
    object("apps/v1", "Deployment", {
      spec: {
        replicas: asNumber(values.replicas ?? 1),
        selector: { matchLabels: selected },
        template: {
          metadata: { labels, annotations: asFields(values.podAnnotations) },
          spec: { containers: [container] },
        },
      },
    }),
    object("v1", "Service", { spec: { selector: selected, ports: [{ name: "http", port: 80, targetPort: "http" }] } }),
    ...(host === undefined
      ? []
      : [
          object("networking.k8s.io/v1", "Ingress", {
            spec: { ...(className === undefined ? {} : { ingressClassName: className }), rules: [rule] },
          }),
        ]),
    ...(hasSecret ? [object("v1", "Secret", { type: "Opaque", data: encoded(secret) })] : []),
  ];
}

function envOf(env: unknown): Fields[] {
  if (Array.isArray(env)) return asList(env);
  return Object.entries(asFields(env)).map(([name, value]) => ({ name, value: asText(value) }));
}

function encoded(texts: Fields): Fields {
  const all = Object.entries(texts).map(([key, text]) => [key, Buffer.from(asText(text)).toString("base64")]);
  return Object.fromEntries(all);
}

/** Whether an object has all that is wanted of it, whatever else it has. */
export function contains(present: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) {
    if (!Array.isArray(present) || present.length !== wanted.length) return false;
    return wanted.every((one, index) => contains(present[index], one));
  }
  if (typeof wanted !== "object" || wanted === null) return present === wanted;
  return Object.entries(asFields(wanted)).every(
    ([name, value]) => value === undefined || contains(asFields(present)[name], value),
  );
}

/** Values with others laid over them, as Helm merges them. */
export function merged(base: Fields, over: Fields): Fields {
  const result: Fields = { ...base };
  for (const [name, value] of Object.entries(over)) {
    if (name === "__proto__") continue;
    const both = isMap(value) && isMap(result[name]);
    result[name] = both ? merged(asFields(result[name]), asFields(value)) : value;
  }
  return result;
}

function isMap(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The references of rendered objects in a status. */
export function referencesTo(all: readonly (Rendered | KubeObject)[]): Fields[] {
  return all.map(({ apiVersion, kind, metadata }) => {
    const [version = "", group = ""] = apiVersion.split("/").reverse();
    return { group, version, kind, namespace: metadata.namespace, name: metadata.name };
  });
}
