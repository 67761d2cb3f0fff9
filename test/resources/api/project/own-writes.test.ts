import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TenantRole } from "../../../../gen/ts/api/v1/common_pb.js";
import { UserService } from "../../../../gen/ts/api/v1/user_pb.js";
import { CredentialKind, CredentialService } from "../../../../gen/ts/iam/v1/credential_pb.js";
import { as, startPlatform, type TestPlatform } from "../../../support/platform.js";
import { newLogin, type Person, peopleOf } from "../../support/people.js";
import { tokensOf } from "../../support/tokens.js";

let platform: TestPlatform;
let people: ReturnType<typeof peopleOf>;
let ada: Person;
beforeAll(async () => {
  platform = await startPlatform({ background: false, env: { SLIPWAY_MAX_FEED_SILENCE_SECONDS: "300" } });
  people = peopleOf(platform);
  ada = await people.person("ada");
  // From now on nobody tells the server that what it knows of its callers has changed.
  await platform.platform.feed.close();
});
afterAll(() => platform.close());

const rounds = Array.from({ length: 50 }, (_, i) => i);
const user = () => platform.client(UserService);
const projectsOf = async (token: string) =>
  (await people.projects.list({}, as(token))).projects.map(({ uuid }) => uuid);
const tenantsOf = async (token: string) => (await people.tenants.list({}, as(token))).tenants.map(({ login }) => login);

describe("whoever has just made something finds it", () => {
  it("a project in the lists, with each kind of token", async () => {
    const asked = { login: ada.login, kind: CredentialKind.API_KEY, name: newLogin("key") };
    const key = await platform.client(CredentialService).create(asked, ada.me);
    const { secret } = await tokensOf(platform).create({ tenantRoles: { [ada.login]: TenantRole.OWNER } }, ada.token);
    for (const round of rounds) {
      const by = [ada.token, key.secret][round % 2] ?? "";
      const uuid = await people.project({ ...ada, me: as(by) }, ada.login);
      expect(await projectsOf(by)).toContain(uuid);
      expect((await user().get({}, as(by))).user?.projects.map((project) => project.uuid)).toContain(uuid);
      // What a token was not given it does not show, either.
      expect(await projectsOf(secret)).toEqual([]);
    }
  });

  it("a tenant in the lists", async () => {
    for (const _ of rounds) {
      const { tenant } = await people.organization(ada);
      expect(await tenantsOf(ada.token)).toContain(tenant);
      expect((await user().get({}, ada.me)).user?.tenants.map(({ login }) => login)).toContain(tenant);
    }
  });

  it("a tenant that was joined", async () => {
    const bob = await people.person("bob");
    for (const _ of rounds) {
      const { tenant, project } = await people.organization(ada);
      const { invite } = await people.tenants.invite({ login: tenant, role: TenantRole.VIEWER }, ada.me);
      await people.tenants.inviteAccept({ secret: invite?.secret ?? "" }, bob.me);
      expect(await tenantsOf(bob.token)).toContain(tenant);
      expect(await projectsOf(bob.token)).toContain(project);
    }
  });
});

describe("lists", () => {
  it("are answered to who has more projects and tenants than a query has parameters", async () => {
    const { db, clock } = platform.platform;
    const carol = await people.person("carol");
    const now = sql`${clock().toISOString()}::timestamptz`;
    const many = sql`generate_series(1, 66000) as n`;
    await db.transaction(async (tx) => {
      // Without triggers, which would tell of each row.
      await tx.execute(sql`set local session_replication_role = replica`);
      await tx.execute(sql`
      insert into projects (id, tenant, name, created_at, updated_at)
      select gen_random_uuid(), ${carol.login}, 'many' || n, ${now}, ${now} from ${many}`);
      await tx.execute(sql`
      insert into tenants (login, name, created_by, created_at, updated_at)
      select ${carol.login} || '-' || n, 'many', 'root', ${now}, ${now} from ${many}`);
      await tx.execute(sql`
      insert into tenant_members (tenant, member, role, created_at)
      select ${carol.login} || '-' || n, ${carol.login}, 'viewer', ${now} from ${many}`);
    });
    const { projects } = await people.projects.list({ name: "many65999" }, carol.me);
    expect(projects.map(({ name }) => name)).toEqual(["many65999"]);
    const { tenants } = await people.tenants.list({ id: `${carol.login}-65999` }, carol.me);
    expect(tenants.map(({ login }) => login)).toEqual([`${carol.login}-65999`]);
  }, 60_000);
});
