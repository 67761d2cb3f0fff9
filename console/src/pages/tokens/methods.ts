import { type DescMethod, type DescService, getOption } from "@bufbuild/protobuf";
import {
  type ProjectRole,
  project_roles as projectRolesOption,
  type TenantRole,
  tenant_roles as tenantRolesOption,
} from "../../../../gen/ts/api/v1/common_pb.js";

/** A method that a token can be given for single subjects. */
export interface Method {
  /** `/api.v1.ClusterService/Get`. */
  readonly path: string;
  readonly name: string;
  /** The roles in a project that may call it; none when it is about no project. */
  readonly projectRoles: readonly ProjectRole[];
  readonly tenantRoles: readonly TenantRole[];
}

/** A service and those of its methods that can be given. */
export interface Service {
  readonly typeName: string;
  /** `ClusterService` → `Cluster`. */
  readonly name: string;
  /** `api.v1`. */
  readonly group: string;
  readonly methods: readonly Method[];
}

// The contract itself tells which roles a method asks for, and so of what it is about.
const modules = import.meta.glob<Record<string, unknown>>("../../../../gen/ts/{api,billing,deploy,iam}/v1/*_pb.ts", {
  eager: true,
});

const described: ReadonlyMap<string, Method> = new Map(
  Object.values(modules)
    .flatMap((module) => Object.values(module).filter(isService))
    .flatMap((service) => service.methods.map(methodOf))
    .map((method) => [method.path, method]),
);

function isService(value: unknown): value is DescService {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "service";
}

function methodOf(desc: DescMethod): Method {
  return {
    path: `/${desc.parent.typeName}/${desc.name}`,
    name: desc.name,
    projectRoles: getOption(desc, projectRolesOption),
    tenantRoles: getOption(desc, tenantRolesOption),
  };
}

/** Those of the methods that a server offers which are about a project or a tenant, by service. */
export function servicesOf(offered: readonly string[]): readonly Service[] {
  const services = new Map<string, Method[]>();
  for (const path of offered) {
    const method = described.get(path);
    if (method === undefined || method.projectRoles.length + method.tenantRoles.length === 0) continue;
    const typeName = path.slice(1, path.lastIndexOf("/"));
    services.set(typeName, [...(services.get(typeName) ?? []), method]);
  }
  return [...services]
    .map(([typeName, methods]) => ({
      typeName,
      name: typeName.slice(typeName.lastIndexOf(".") + 1).replace(/Service$/, ""),
      group: typeName.slice(0, typeName.lastIndexOf(".")),
      methods,
    }))
    .sort((a, b) => a.typeName.localeCompare(b.typeName));
}
