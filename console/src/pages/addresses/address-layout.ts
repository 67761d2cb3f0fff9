import type { LayoutItem } from "../../kit/form/layout.js";

/** Name, description and tags of an address, in a message at `owner` ("" for the message itself). */
export function describingFields(owner: string, tagsHint: string): readonly LayoutItem[] {
  const at = owner === "" ? "" : `${owner}.`;
  return [
    { field: `${at}name`, hint: "2 to 128 characters", autoFocus: true },
    { field: `${at}description`, hint: "At most 128 characters" },
    { field: `${at}tags`, label: "Tags", span: 12, hint: tagsHint },
  ];
}
