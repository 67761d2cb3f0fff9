import { isUuid } from "../find.js";
import type { Session } from "../session.js";
import { findId, findOne } from "./resource.js";
import { secretResource } from "./secrets.js";

/** The uuid of a secret that a deployment of an environment may use: one of the environment, else of the project. */
export async function usableSecret(session: Session, reference: string, environment: string): Promise<string> {
  if (isUuid(reference)) return reference.toLowerCase();
  const [collection, name] = reference.includes("/") ? reference.split("/", 2) : [undefined, reference];
  const isMeant = (item: { name: string; collection: string }) =>
    item.name === name && (collection === undefined || item.collection === collection);
  if (environment !== "") {
    const [own, ...others] = (await secretResource.list(session, { environment })).filter(isMeant);
    if (own !== undefined && others.length === 0) return own.uuid;
  }
  const ofProject = {
    ...secretResource,
    list: async () => (await secretResource.list(session, {})).filter((item) => item.environment === ""),
  };
  if (collection === undefined) return await findId(session, ofProject, reference, {});
  const inCollection = { ...ofProject, kind: { ...ofProject.kind, name: fullName } };
  return (await findOne(session, inCollection, reference, {})).uuid;
}

const fullName = ({ collection, name }: { collection: string; name: string }): string => `${collection}/${name}`;
