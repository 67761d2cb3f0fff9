import { Option } from "commander";
import { Failure } from "../failure.js";
import { enumValueOf } from "./enums.js";

/** The roles in a project, strongest first. */
export const projectRoles = ["owner", "editor", "viewer"] as const;

/** The roles in a tenant, likewise. */
export const tenantRoles = [...projectRoles, "guest"] as const;

/** The flag --role. */
export function roleOption(description: string, roles: readonly string[] = tenantRoles): Option {
  return new Option("--role <role>", description).choices([...roles]);
}

/** The value of a role in the enum of a tenant's or project's roles; a failure that names them when there is none. */
export function roleOf(words: Readonly<Record<string, string | number>>, role: string): number {
  const value = enumValueOf(words, role);
  if (value !== undefined && value > 0) return value;
  const known = Object.keys(words)
    .filter((word) => /^[A-Z]+$/.test(word) && word !== "UNSPECIFIED")
    .map((word) => word.toLowerCase());
  throw new Failure("usage", `"${role}" is no role here`, [`There are: ${known.join(", ")}.`]);
}
