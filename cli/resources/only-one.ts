import { Failure } from "../failure.js";
import type { Session } from "../session.js";
import { namespaceOf, namespaceResource } from "./namespaces.js";
import { findId } from "./resource.js";
import { targetResource } from "./targets.js";

/** The uuid of the target that is named, or of the only one; a failure that names them when there are several. */
export async function onlyTarget(session: Session, reference: string | undefined): Promise<string> {
  if (reference !== undefined) return await findId(session, targetResource, reference, {});
  return only(await targetResource.list(session, {}), "target");
}

/** The uuid of the namespace that is named, or of the only one, likewise. */
export async function onlyNamespace(session: Session, reference: string | undefined): Promise<string> {
  const named = await namespaceOf(session, reference, undefined);
  return named ?? only(await namespaceResource.list(session, {}), "namespace");
}

function only(items: readonly { readonly uuid: string; readonly name: string }[], noun: string): string {
  const [first, ...others] = items;
  if (first !== undefined && others.length === 0) return first.uuid;
  if (first === undefined) {
    throw new Failure("precondition", `the project has no ${noun}`, [`Make one with slipway ${noun} create.`]);
  }
  const names = items.map(({ name }) => name).join(", ");
  throw new Failure("usage", `the project has several ${noun}s`, [`Name one with --${noun}: ${names}.`]);
}
