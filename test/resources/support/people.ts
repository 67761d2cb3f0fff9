import type { CallOptions } from "@connectrpc/connect";
import { ProjectService } from "../../../gen/ts/api/v1/project_pb.js";
import { TenantService } from "../../../gen/ts/api/v1/tenant_pb.js";
import { projectStore } from "../../../src/resources/api/project/store.js";
import { ensurePersonalTenant } from "../../../src/resources/api/tenant/personal.js";
import { as, type TestPlatform } from "../../support/platform.js";
import { tokensOf } from "./tokens.js";

/** Somebody who has signed in. */
export interface Person {
  readonly login: string;
  readonly token: string;
  /** The options of a call of theirs. */
  readonly me: CallOptions;
  /** Uuid of the default project of their personal tenant. */
  readonly project: string;
}

let made = 0;

/** A name that nobody else in this test file has. */
export const newLogin = (prefix: string): string => `${prefix}-${process.pid % 1000}-${++made}`;

/** People who sign in, and what they found. */
export function peopleOf(platform: TestPlatform) {
  const tenants = platform.client(TenantService);
  const projects = platform.client(ProjectService);
  return {
    tenants,
    projects,
    /** Signs somebody in for the first time. */
    async person(prefix = "user"): Promise<Person> {
      const { db, clock, newId } = platform.platform;
      const login = newLogin(prefix);
      const project = await ensurePersonalTenant(db, login, { now: clock(), newId });
      const token = await tokensOf(platform).console(login);
      return { login, token, me: as(token), project };
    },
    /** A tenant that is nobody's own, with its default project. */
    async organization({ me }: Person): Promise<{ readonly tenant: string; readonly project: string }> {
      const tenant = newLogin("org");
      await tenants.create({ tenant: { login: tenant } }, me);
      const project = await projectStore.defaultOf(platform.platform.db, tenant);
      return { tenant, project: project?.id ?? "" };
    },
    /** A new project in a tenant. */
    async project({ me }: Person, login: string, name = newLogin("p")): Promise<string> {
      const { project } = await projects.create({ login, name, description: "for a test" }, me);
      return project?.uuid ?? "";
    },
  };
}
