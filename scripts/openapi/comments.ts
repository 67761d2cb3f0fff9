import type { DescEnum, DescFile, DescMessage } from "@bufbuild/protobuf";

/** The text of the comment above a declaration, by its full name; of a value of an enum, `enum/VALUE`. */
export type Comments = ReadonlyMap<string, string>;

// Numbers of fields of descriptor.proto, of which the paths of source locations are made.
const fileMessages = 4;
const fileEnums = 5;
const fileServices = 6;
const messageFields = 2;
const messageNested = 3;
const messageEnums = 4;
const serviceMethods = 2;
const enumValues = 2;

/** Reads the comments of a file whose descriptor carries its source locations. */
export function commentsOf(file: DescFile): Comments {
  const locations = new Map(
    (file.proto.sourceCodeInfo?.location ?? []).map(({ path, leadingComments }) => [path.join("."), leadingComments]),
  );
  const comments = new Map<string, string>();
  const take = (name: string, path: readonly number[]) => {
    const text = locations.get(path.join("."));
    if (text !== undefined && text !== "") comments.set(name, textOf(text));
  };
  const takeEnum = (desc: DescEnum, path: readonly number[]) => {
    take(desc.typeName, path);
    for (const [i, value] of desc.values.entries()) take(`${desc.typeName}/${value.name}`, [...path, enumValues, i]);
  };
  const takeMessage = (desc: DescMessage, path: readonly number[]) => {
    take(desc.typeName, path);
    for (const [i, field] of desc.fields.entries()) take(`${desc.typeName}.${field.name}`, [...path, messageFields, i]);
    // Entries of maps count as nested messages in the path, and are left out of `nestedMessages`.
    for (const nested of desc.nestedMessages) {
      takeMessage(nested, [...path, messageNested, desc.proto.nestedType.indexOf(nested.proto)]);
    }
    for (const [i, nested] of desc.nestedEnums.entries()) takeEnum(nested, [...path, messageEnums, i]);
  };
  for (const [i, message] of file.messages.entries()) takeMessage(message, [fileMessages, i]);
  for (const [i, desc] of file.enums.entries()) takeEnum(desc, [fileEnums, i]);
  for (const [i, service] of file.services.entries()) {
    take(service.typeName, [fileServices, i]);
    for (const [k, method] of service.methods.entries()) {
      take(`${service.typeName}.${method.name}`, [fileServices, i, serviceMethods, k]);
    }
  }
  return comments;
}

/** Without the space after each `//`; lines of a paragraph are one. */
function textOf(comment: string): string {
  return comment
    .split(/\n\s*\n/)
    .map((paragraph) =>
      paragraph
        .split("\n")
        .map((line) => line.trim())
        .join(" ")
        .trim(),
    )
    .filter((paragraph) => paragraph !== "")
    .join("\n\n");
}
