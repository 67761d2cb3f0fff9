import { readdirSync } from "node:fs";
import { create, createFileRegistry, type DescService, setExtension } from "@bufbuild/protobuf";
import {
  FileDescriptorProtoSchema,
  FieldDescriptorProto_Label as Label,
  type MethodOptions,
  MethodOptionsSchema,
  FieldDescriptorProto_Type as Type,
} from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { ClusterService } from "../../gen/ts/api/v1/cluster_pb.js";
import {
  AdminRole,
  admin_roles,
  Chargeable,
  chargeable,
  ProjectRole,
  project_roles,
  TenantRole,
  tenant_roles,
  Visibility,
  visibility,
} from "../../gen/ts/api/v1/common_pb.js";
import { ProjectService } from "../../gen/ts/api/v1/project_pb.js";
import { TenantService } from "../../gen/ts/api/v1/tenant_pb.js";
import { isRead, policyOf } from "../../src/rpc/method-options.js";
import { policyDefects } from "../../src/rpc/policy-defects.js";

async function contract(): Promise<DescService[]> {
  const services: DescService[] = [];
  for (const part of ["api", "admin", "status"]) {
    const folder = new URL(`../../gen/ts/${part}/v1/`, import.meta.url);
    for (const file of readdirSync(folder)) {
      const exports: Record<string, unknown> = await import(new URL(file, folder).href);
      for (const value of Object.values(exports)) {
        if (typeof value === "object" && value !== null && "kind" in value && value.kind === "service") {
          services.push(value as DescService);
        }
      }
    }
  }
  return services;
}

type SetOptions = (options: MethodOptions) => void;

/** A service with one method of these options, whose request has these fields. */
function serviceOf(
  set: SetOptions,
  fields: Record<string, Type> = {},
  shape: { list?: boolean; clientStreaming?: boolean } = {},
) {
  const options = create(MethodOptionsSchema);
  set(options);
  const label = shape.list === true ? Label.REPEATED : Label.OPTIONAL;
  const field = Object.entries(fields).map(([name, type], at) => ({ name, number: at + 1, label, type }));
  const registry = createFileRegistry(
    create(FileDescriptorProtoSchema, {
      name: "t.proto",
      package: "t",
      syntax: "proto3",
      messageType: [{ name: "In", field }, { name: "Out" }],
      service: [
        {
          name: "S",
          method: [
            {
              name: "M",
              inputType: ".t.In",
              outputType: ".t.Out",
              options,
              clientStreaming: shape.clientStreaming ?? false,
            },
          ],
        },
      ],
    }),
    () => undefined,
  );
  const service = registry.getService("t.S");
  if (service === undefined) throw new Error("the service is not declared");
  return service;
}

const projectOwner: SetOptions = (options) => setExtension(options, project_roles, [ProjectRole.OWNER]);
const tenantOwner: SetOptions = (options) => setExtension(options, tenant_roles, [TenantRole.OWNER]);
const seen =
  (value: Visibility): SetOptions =>
  (options) =>
    setExtension(options, visibility, value);
const both =
  (...all: SetOptions[]): SetOptions =>
  (options) => {
    for (const set of all) set(options);
  };

describe("the contract", () => {
  it("has 95 methods, and the policy of each is sound", async () => {
    const services = await contract();
    expect(services.flatMap(({ methods }) => methods)).toHaveLength(95);
    expect(policyDefects(services)).toEqual([]);
  });

  it("has every audited method but reads audited ahead", async () => {
    const audited = (await contract())
      .flatMap(({ methods }) => methods.map(policyOf))
      .filter((policy) => policy.audited);
    const later = audited.filter(({ auditedAhead }) => !auditedAhead).map(({ path }) => path);
    expect(later.filter((path) => !/\/(Get|List\w*|Watch)$/.test(path))).toEqual([]);
    expect(later).toEqual(expect.arrayContaining(["/admin.v1.ClusterService/List", "/status.v1.StatusService/Watch"]));
    // Viewers may call it, and yet it is no read.
    expect(later).not.toContain("/admin.v1.TokenService/Revoke");
    expect(policyOf(ClusterService.method.getCredentials).auditedAhead).toBe(true);
    expect(policyOf(ClusterService.method.get).auditedAhead).toBe(false);
  });

  it("is read as written", () => {
    const get = policyOf(ClusterService.method.get);
    expect(get).toMatchObject({
      path: "/api.v1.ClusterService/Get",
      projectRoles: [ProjectRole.OWNER, ProjectRole.EDITOR, ProjectRole.VIEWER],
      projectScope: { kind: "project" },
      tenantScope: { kind: "none" },
      chargeable: false,
      audited: false,
    });
    expect(policyOf(ClusterService.method.create)).toMatchObject({ chargeable: true, audited: true });
    expect(policyOf(ProjectService.method.create).tenantScope.kind).toBe("tenant");
    expect(policyOf(TenantService.method.create).tenantScope.kind).toBe("anyTenant");
    expect(isRead(get)).toBe(true);
    expect(isRead(policyOf(ClusterService.method.getCredentials))).toBe(false);
    expect(policyOf(ClusterService.method.get)).toBe(get);
  });
});

describe("unsound policies", () => {
  const string = { project: Type.STRING, login: Type.STRING };
  it.each<[string, DescService, RegExp]>([
    ["nothing", serviceOf(() => {}), /neither roles nor a visibility/],
    ["public with roles", serviceOf(both(projectOwner, seen(Visibility.PUBLIC)), string), /public and restricted/],
    ["self with roles", serviceOf(both(projectOwner, seen(Visibility.SELF)), string), /self and restricted/],
    ["private with roles", serviceOf(both(projectOwner, seen(Visibility.PRIVATE)), string), /private and restricted/],
    ["an unknown visibility", serviceOf(seen(9 as Visibility)), /unknown visibility 9/],
    ["no project", serviceOf(projectOwner, { login: Type.STRING }), /no singular string field `project`/],
    [
      "a project that is a number",
      serviceOf(projectOwner, { project: Type.INT64 }),
      /no singular string field `project`/,
    ],
    ["many projects", serviceOf(projectOwner, string, { list: true }), /no singular string field `project`/],
    ["no login", serviceOf(tenantOwner, { project: Type.STRING }), /no singular string field `login`/],
    [
      "a tenant that is only a name",
      serviceOf(tenantOwner, { tenant: Type.STRING }),
      /no singular string field `login`/,
    ],
    ["an unspecified role", serviceOf((o) => setExtension(o, admin_roles, [AdminRole.UNSPECIFIED])), /UNSPECIFIED/],
    [
      "a charge without a subject",
      serviceOf(
        both(seen(Visibility.SELF), (o) => setExtension(o, chargeable, Chargeable.TRUE)),
        string,
      ),
      /chargeable/,
    ],
  ])("%s", (_, service, message) => {
    const defects = policyDefects([service]);
    expect(defects).toHaveLength(1);
    expect(defects[0]).toMatch(message);
    expect(defects[0]).toMatch(/^\/t\.S\/M: /);
  });

  it("a stream of requests may have roles: its first message is judged", () => {
    expect(policyDefects([serviceOf(projectOwner, string, { clientStreaming: true })])).toEqual([]);
  });

  it("both kinds of roles need both fields, and may have them", () => {
    expect(policyDefects([serviceOf(both(projectOwner, tenantOwner), string)])).toEqual([]);
    expect(policyDefects([serviceOf(both(projectOwner, tenantOwner))])).toHaveLength(2);
  });
});
