import { create, type DescMessage, type DescMethod, type Message, ScalarType } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import type { Transport } from "@connectrpc/connect";
import { refusal } from "../../resources/support/refusals.js";
import { type About, bringsTenant, optionsOf, textField } from "./oracle.js";
import type { World } from "./world.js";

/** Fields that name what a call is about. */
const subjectFields = ["project", "login", "environment", "deployment"] as const;

/** Fields that filter by a subject, but on which no role depends. */
const lookalikes: Readonly<Record<string, "project" | "login">> = { tenant: "login", tenant_id: "login" };

/** Methods that change something and whose requests cannot be spoiled: why their calls change nothing here. */
export const harmless: Readonly<Record<string, string>> = {
  "/api.v1.PaymentService/DeletePaymentMethod": "nobody here has one",
  "/api.v1.ProjectService/Delete": "a project with clusters stays",
  "/api.v1.ProjectService/Invite": "without a role it is refused",
  "/api.v1.TenantService/Delete": "a tenant with projects stays",
  "/api.v1.TenantService/Invite": "without a role it is refused",
  "/billing.v1.BudgetService/Delete": "nobody here has one",
  "/billing.v1.BudgetService/Set": "nothing has a price here",
  "/billing.v1.PaymentMethodService/StartSetup": "nobody here has a customer account",
  "/deploy.v1.ReleaseService/Delete": "nobody here has a deployment",
  "/iam.v1.AuthService/Logout": "each call has a token of its own",
};

/** Whether a method only reads, by its name. */
export const reads = ({ name }: DescMethod): boolean =>
  /^(Get|List|Has|Check|Watch|Who)/.test(name) || ["TokenScopedList", "InvitesList", "ClusterInfo"].includes(name);

/** Puts U+0000 into a text of a request, so that it never comes to its handler; false when it has no text for that. */
export function spoil(desc: DescMessage, request: Message, spared: readonly string[] = subjectFields): boolean {
  const message = reflect(desc, request);
  const fields = desc.fields.filter(({ name }) => !spared.includes(name));
  const text = fields.find((field) => field.fieldKind === "scalar" && field.scalar === ScalarType.STRING);
  if (text !== undefined) {
    message.set(text, "\u0000");
    return true;
  }
  for (const field of fields) {
    if (field.fieldKind !== "message" || field.message.typeName.startsWith("google.protobuf.")) continue;
    const inner = create(field.message);
    if (!spoil(field.message, inner, [])) continue;
    message.set(field, reflect(field.message, inner));
    return true;
  }
  return false;
}

/** What a method is called about: own and foreign subjects, none, both kinds of them, and each in the other's field. */
export function subjectsFor(method: DescMethod, { own, sibling, foreign, missing, environment }: World): About[] {
  const { projectRoles, tenantRoles } = optionsOf(method);
  const about = (name: string, named: Partial<About>): About => ({
    ...{ name, project: "", login: "", environment: "", deployment: "" },
    ...named,
  });
  const byProject = projectRoles.length > 0;
  const byLogin = tenantRoles.length > 0 && !bringsTenant(method);
  if (!byProject && !byLogin) return [about("nothing", { project: own.project, login: own.tenant })];
  const projects = [
    about("own project", { project: own.project }),
    about("sibling project", { project: sibling }),
    about("foreign project", { project: foreign.project }),
    about("missing project", { project: missing }),
    about("project = own login", { project: own.tenant }),
  ];
  const tenants = [
    about("own tenant", { login: own.tenant }),
    about("foreign tenant", { login: foreign.tenant }),
    about("missing tenant", { login: "nobody" }),
    about("login = own project", { login: own.project }),
  ];
  const both = [
    about("own tenant, foreign project", { login: own.tenant, project: foreign.project }),
    about("foreign tenant, own project", { login: foreign.tenant, project: own.project }),
  ];
  const inside = [own.project, sibling].flatMap((project) => [
    about(`environment in ${project === sibling ? "sibling" : "own"} project`, { project, environment }),
    about(`deployment in ${project === sibling ? "sibling" : "own"} project`, { project, deployment: environment }),
  ]);
  return [
    ...(byProject ? projects : []),
    ...(byLogin ? tenants : []),
    ...(textField(method, "project") && textField(method, "login") ? both : []),
    ...(textField(method, "environment") ? inside : []),
    about("nothing", {}),
  ];
}

/** A request that names these subjects and does no harm wherever it is let through. */
export function requestFor(method: DescMethod, about: About, world: World): Message {
  const message = create(method.input) as Message & Record<string, unknown>;
  for (const field of method.input.fields) {
    const subject = lookalikes[field.name] ?? subjectFields.find((name) => name === field.name);
    if (subject !== undefined && field.fieldKind === "scalar") message[field.localName] = about[subject];
  }
  const { own, sibling, foreign } = world;
  // The first word of a stream comes at once only where there is something to tell: nobody here has a deployment.
  const tells = [own.project, sibling, foreign.project].includes(about.project);
  const silent = method.methodKind !== "unary" && (!tells || method.parent.file.proto.package === "deploy.v1");
  if (silent || !reads(method)) spoil(method.input, message);
  return message;
}

/** How a call ended: the name of its code, and its words. Of a stream the first message is awaited. */
export async function ask(transport: Transport, method: DescMethod, request: Message, header: string | undefined) {
  const headers: Record<string, string> = header === undefined ? {} : { authorization: header };
  if (method.methodKind === "unary") {
    return refusal(transport.unary(method as never, undefined, 20_000, headers, request as never));
  }
  async function* input() {
    yield request as never;
  }
  const closing = new AbortController();
  const opened = transport.stream(method as never, closing.signal, 20_000, headers, input());
  const first = await refusal(opened.then(({ message }) => message[Symbol.asyncIterator]().next()));
  closing.abort();
  return first;
}
