import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { allows } from "../../../../src/resources/deploy/environment/constraints.js";
import { routeManifests, routeOf } from "../../../../src/resources/deploy/route/render.js";
import { annotationsOf, routerOf, trafficOf } from "../../../../src/resources/deploy/route/rules.js";
import { sharesOf, variantOf } from "../../../../src/resources/deploy/route/shares.js";
import type { RouteRow } from "../../../../src/resources/deploy/route/store.js";
import { encryptionOf, holdsFor } from "../../../../src/resources/deploy/route/tls.js";

const label = fc.stringMatching(/^[a-z0-9]{1,8}$/);
const domain = fc.array(label, { minLength: 2, maxLength: 4 }).map((labels) => labels.join("."));
const router = {
  name: "public",
  ingressClass: "nginx",
  domain: "apps.example.org",
  tlsSecret: "wild",
  clusterIssuer: "",
  annotations: {},
  isDefault: false,
};

describe("A certificate", () => {
  it("holds for its names, and a wildcard for one label and no more", () => {
    fc.assert(
      fc.property(domain, label, label, (name, one, two) => {
        expect(holdsFor([name.toUpperCase()], name)).toBe(true);
        expect(holdsFor([name], `${one}.${name}`)).toBe(false);
        expect(holdsFor([`*.${name}`], `${one}.${name}`)).toBe(true);
        expect(holdsFor([`*.${name}`], `${two}.${one}.${name}`)).toBe(false);
        expect(holdsFor([`*.${name}`], name)).toBe(false);
        expect(holdsFor([`*.${name}`], `*.${name}`)).toBe(true);
        expect(holdsFor([`*.${name}`], `*.${one}.${name}`)).toBe(false);
      }),
    );
  });

  it("of a router is taken for its domain alone, then an issuer, then none", () => {
    const of = (hostname: string, more = {}, standard = "") =>
      encryptionOf({ type: "router" }, hostname, { ...router, ...more }, standard);
    expect(of("shop.apps.example.org")).toEqual({ type: "named", name: "wild" });
    expect(of("a.shop.apps.example.org")).toEqual({ type: "none" });
    expect(of("shop.example.com", { clusterIssuer: "own" }, "all")).toEqual({ type: "issuer", clusterIssuer: "own" });
    expect(of("shop.example.com", {}, "all")).toEqual({ type: "issuer", clusterIssuer: "all" });
    expect(encryptionOf({ type: "none" }, "shop.apps.example.org", router, "all")).toEqual({ type: "none" });
  });
});

describe("Shares", () => {
  it("are 100 percent of the active release and one other, and over when another becomes active", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 1, max: 50 }), (percent, other) => {
        const active = 51;
        const given = [
          { release: other, percent },
          { release: 0, percent: 100 - percent },
        ];
        const traffic = trafficOf(given, active);
        const row = { traffic };
        expect(traffic.reduce((sum, share) => sum + share.percent, 0)).toBe(percent === 0 ? 0 : 100);
        expect(variantOf(row, active)).toEqual(percent === 0 ? undefined : { release: other, percent });
        expect(sharesOf(row, 52)).toEqual([]);
        expect(variantOf(row, 52)).toBeUndefined();
      }),
    );
    expect(trafficOf([], 7)).toEqual([]);
    expect(trafficOf([{ release: 0, percent: 100 }], 7)).toEqual([]);
    expect(trafficOf([{ release: 3, percent: 100 }], 7)).toEqual([
      { release: 7, percent: 0 },
      { release: 3, percent: 100 },
    ]);
  });

  it.each([
    [[{ release: 3, percent: 99 }]],
    [
      [
        { release: 3, percent: 50 },
        { release: 4, percent: 50 },
      ],
    ],
    [
      [
        { release: 0, percent: 50 },
        { release: 7, percent: 50 },
      ],
    ],
  ])("%j are refused", (shares) => {
    expect(() => trafficOf(shares, 7)).toThrow(/traffic/);
  });
});

describe("Objects of a route", () => {
  const id = "0195c0de-0000-7000-8000-000000000001";
  const row = { id, project: "p", deployment: "d", hostname: "a.example.org", path: "/", annotations: { a: "route" } };
  const input = {
    route: row as unknown as RouteRow,
    router: { ...router, annotations: { a: "router", b: "router" } },
    objectName: "shop",
    namespace: "web",
    backend: { service: "shop-web", port: 8080 },
  };

  it("are an Ingress, a copy of the certificate, and a canary, all known for the route's by their names", () => {
    const manifests = routeManifests({
      ...input,
      encryption: { type: "copy", secret: "s" },
      certificate: { "tls.crt": "YQ==", "tls.key": "Yg==" },
      canary: { service: "shop-web-r3", percent: 20 },
    });
    const kinds = manifests.map(({ type }) => type.kind);
    expect(kinds).toEqual(["Secret", "Ingress", "Ingress"]);
    for (const { type, object } of manifests) {
      expect(routeOf({ kind: type.kind, name: object.metadata.name })).toBe(id);
      expect(object.metadata.labels).toMatchObject({ "slipway.dev/route": id, "slipway.dev/deployment": "d" });
    }
    expect(manifests[1]?.object.metadata.annotations).toEqual({ a: "route", b: "router" });
    expect(manifests[2]?.object.metadata.annotations).toMatchObject({
      "nginx.ingress.kubernetes.io/canary-weight": "20",
    });
    expect(routeOf({ kind: "Secret", name: "shop-r1" })).toBeUndefined();
  });

  it("name no class where the router has none, and no TLS without a certificate", () => {
    const [ingress] = routeManifests({
      ...input,
      router: { ...router, ingressClass: "" },
      encryption: { type: "none" },
    });
    expect(Object.keys(ingress?.object.spec as object)).toEqual(["rules"]);
  });
});

describe("Rules", () => {
  it("the router is the named one, the default one, or the only one", () => {
    const other = { ...router, name: "other" };
    expect(routerOf([router, other], "other")).toBe(other);
    expect(routerOf([router, { ...other, isDefault: true }], "").name).toBe("other");
    expect(routerOf([router], "")).toBe(router);
    expect(() => routerOf([router, other], "")).toThrow(/name one of public, other/);
    expect(() => routerOf([], "")).toThrow(/has no routers/);
    expect(() => routerOf([router], "none")).toThrow(/no router none/);
  });

  it.each([
    "slipway.dev/route",
    "kubernetes.io/ingress.class",
    "cert-manager.io/cluster-issuer",
    "nginx.ingress.kubernetes.io/canary",
    "nginx.ingress.kubernetes.io/canary-weight",
    "nginx.ingress.kubernetes.io/server-snippet",
    "nginx.ingress.kubernetes.io/server-alias",
    "haproxy-ingress.github.io/server-alias-regex",
    "external-dns.alpha.kubernetes.io/hostname",
    "acme.cert-manager.io/http01-edit-in-place",
    "-",
  ])("the annotation %s is refused", (key) => {
    expect(() => annotationsOf("annotations", { [key]: "x" })).toThrow(/annotations/);
  });

  it("constraints allow what they name, or all else; no name at all only where everything is allowed", () => {
    const only = [{ field: "router", values: ["pub*", "b"], deny: false }] as const;
    const not = [{ field: "router", values: ["pub*"], deny: true }] as const;
    expect(["public", "b", "c", ""].map((value) => allows(only, "router", value))).toEqual([true, true, false, false]);
    expect(["public", "b", ""].map((value) => allows(not, "router", value))).toEqual([false, true, false]);
    expect(allows([{ field: "router", values: ["*"], deny: false }], "router", "")).toBe(true);
    expect(allows(only, "storage_class", "")).toBe(true);
  });
});
