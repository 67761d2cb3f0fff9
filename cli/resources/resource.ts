import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import type { Command } from "commander";
import { confirmed } from "../confirmed.js";
import { isUuid, pick } from "../find.js";
import type { Kind } from "../output.js";
import { run } from "../run.js";
import type { Session } from "../session.js";

/** Things of one kind: how they are called, listed, got and deleted. `F` are the flags that say which are meant. */
export interface Resource<D extends DescMessage, F extends object = object> {
  /** As in "volume claim". */
  readonly noun: string;
  /** The group of commands, as in "volume-claim". */
  readonly group: string;
  readonly kind: Kind<D>;
  readonly id: (item: MessageShape<D>) => string;
  /** What else tells one of them, such as an address or a number. */
  readonly alias?: (item: MessageShape<D>) => string;
  readonly list: (session: Session, flags: F) => Promise<readonly MessageShape<D>[]>;
  readonly get: (session: Session, id: string, flags: F) => Promise<MessageShape<D> | undefined>;
  /** Declares the flags `F`. */
  readonly flags?: (command: Command) => Command;
  /** What a reference is; "its name or uuid" unless told. */
  readonly reference?: string;
}

/** The id of what a name or uuid means. A uuid is taken as it is: not everybody may list. */
export async function findId<D extends DescMessage, F extends object>(
  session: Session,
  resource: Resource<D, F>,
  reference: string,
  flags: F,
): Promise<string> {
  if (isUuid(reference)) return reference.toLowerCase();
  return resource.id(pickFrom(resource, await resource.list(session, flags), reference));
}

/** What a name or uuid means, as it is now. */
export async function findOne<D extends DescMessage, F extends object>(
  session: Session,
  resource: Resource<D, F>,
  reference: string,
  flags: F,
): Promise<MessageShape<D>> {
  const found = isUuid(reference) ? await resource.get(session, reference.toLowerCase(), flags) : undefined;
  return found ?? pickFrom(resource, await resource.list(session, flags), reference);
}

function pickFrom<D extends DescMessage, F extends object>(
  { noun, group, kind, id, alias }: Resource<D, F>,
  items: readonly MessageShape<D>[],
  reference: string,
): MessageShape<D> {
  const known = items.find((item) => alias?.(item) === reference);
  if (known !== undefined) return known;
  return pick(items, reference, { kind: noun, id, name: kind.name, list: `slipway ${group} list` });
}

/** Adds `list`; `flags` declares filters beside those of the resource. */
export function addList<D extends DescMessage, F extends object>(
  group: Command,
  resource: Resource<D, F>,
  description: string,
  flags: (command: Command) => Command = (command) => command,
): Command {
  const command = group.command("list").alias("ls").description(description);
  return flags(declare(command, resource)).action(
    run(async (session, options: F) => {
      await session.out.list(resource.kind, await resource.list(session, options));
    }),
  );
}

/** Adds `get`. */
export function addGet<D extends DescMessage, F extends object>(
  group: Command,
  resource: Resource<D, F>,
  description = `show one ${resource.noun}`,
): Command {
  const command = group
    .command("get")
    .description(description)
    .argument(`<${resource.group}>`, resource.reference ?? "its name or uuid");
  return declare(command, resource).action(
    run(async (session, reference: string, options: F) => {
      const id = await findId(session, resource, reference, options);
      const item = await resource.get(session, id, options);
      if (item !== undefined) await session.out.one(resource.kind, item);
    }),
  );
}

/** What `delete` of a resource does, and what is said of it. */
export interface Deletion<D extends DescMessage, F extends object> {
  readonly description?: string;
  /** The verb, where it is not "delete". */
  readonly verb?: string;
  /** What is asked of the name that was given. */
  readonly question?: (reference: string) => string;
  /** Deletes, and answers it as it was or is now. */
  readonly remove: (session: Session, id: string, flags: F, reference: string) => Promise<MessageShape<D> | undefined>;
}

/** Adds `delete`, which asks first. */
export function addDelete<D extends DescMessage, F extends object>(
  group: Command,
  resource: Resource<D, F>,
  { description, verb = "delete", question, remove }: Deletion<D, F>,
): Command {
  const command = group
    .command(verb)
    .description(description ?? `${verb} a ${resource.noun}`)
    .argument(`<${resource.group}>`, resource.reference ?? "its name or uuid")
    .option("-y, --yes", "do not ask");
  return declare(command, resource).action(
    run(async (session, reference: string, options: F & { readonly yes?: boolean }) => {
      const id = await findId(session, resource, reference, options);
      const capital = `${verb.slice(0, 1).toUpperCase()}${verb.slice(1)}`;
      await confirmed(options, question?.(reference) ?? `${capital} the ${resource.noun} ${reference}?`);
      const item = await remove(session, id, options, reference);
      if (item !== undefined) await session.out.one(resource.kind, item);
    }),
  );
}

function declare<D extends DescMessage, F extends object>(command: Command, { flags }: Resource<D, F>): Command {
  return flags === undefined ? command : flags(command);
}
