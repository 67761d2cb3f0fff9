import { type DescMethod, type DescService, fromJson, type JsonObject, type Message, toJson } from "@bufbuild/protobuf";
import type { Session } from "../session.js";
import { isObject } from "./compare.js";

/** Calls a method by its name, with JSON in and out. What holds its default is in the answer, too. */
export async function callMethod(
  session: Session,
  service: DescService,
  name: string,
  request: JsonObject,
): Promise<JsonObject> {
  const method = methodOf(service, name);
  const client = (await session.client(service)) as unknown as Record<string, (input: Message) => Promise<Message>>;
  const answer = await client[name]?.(fromJson(method.input, request));
  return answer === undefined ? {} : (toJson(method.output, answer, { alwaysEmitImplicit: true }) as JsonObject);
}

/** A method of a service; services of manifests have those that their kind names. */
export function methodOf(service: DescService, name: string): DescMethod {
  const method = service.method[name];
  if (method === undefined) throw new Error(`${service.typeName} has no method ${name}`);
  return method;
}

/** Everything that a List answers, over all its pages. */
export async function listAll(session: Session, service: DescService, request: JsonObject): Promise<JsonObject[]> {
  const { input, output } = methodOf(service, "list");
  const field = output.fields.find((each) => each.fieldKind === "list")?.jsonName ?? "";
  const known = Object.entries(request).filter(([key]) => input.fields.some(({ jsonName }) => jsonName === key));
  const asked: JsonObject = Object.fromEntries(known);
  const items: JsonObject[] = [];
  for (;;) {
    const answer = await callMethod(session, service, "list", asked);
    const page = answer[field];
    if (Array.isArray(page)) items.push(...page.filter(isObject));
    if (typeof answer.nextPageToken === "string" && answer.nextPageToken !== "") {
      asked.pageToken = answer.nextPageToken;
    } else if (answer.nextPage !== undefined) asked.paging = { page: answer.nextPage };
    else return items;
  }
}

/** The thing in an answer: its first field that is a message. */
export function thingOf(service: DescService, name: string, answer: JsonObject): JsonObject {
  const field = methodOf(service, name).output.fields.find((each) => each.fieldKind === "message");
  const thing = answer[field?.jsonName ?? ""];
  return isObject(thing) ? thing : {};
}
