import { NativeSelect, TextInput } from "@mantine/core";
import { useState } from "react";
import { projectRoles, tenantRoles } from "../members/roles.js";
import { type Grants, roleOn, withRole } from "./grants.js";
import classes from "./matrix.module.css";
import type { Subject } from "./subjects.js";
import type { TokenScope } from "./use-scope.js";

/** So many are drawn at once; the search finds the others. */
const most = 100;

/** A role on each project or tenant: with it a token may do what the role may, also what comes later. */
export function RolesTab(props: { scope: TokenScope; grants: Grants; onChange: (grants: Grants) => void }) {
  const { scope, grants, onChange } = props;
  const [search, setSearch] = useState("");
  const found = scope.subjects.filter(({ label }) => label.toLowerCase().includes(search.trim().toLowerCase()));
  return (
    <>
      <TextInput
        type="search"
        label="Find projects and tenants"
        value={search}
        onChange={({ currentTarget }) => setSearch(currentTarget.value)}
      />
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys */}
      <section className={classes.roles} tabIndex={0} aria-label="Roles">
        {found.slice(0, most).map((subject) => (
          <div key={subject.id} className={classes.role}>
            <span>{subject.label}</span>
            <NativeSelect
              w={150}
              aria-label={`Role on ${subject.label}`}
              value={String(roleOn(grants, subject))}
              onChange={({ currentTarget }) => onChange(withRole(grants, subject, Number(currentTarget.value)))}
              data={choicesOf(subject, roleOn(grants, subject))}
            />
          </div>
        ))}
        {found.length === 0 && <span>Nothing matches “{search}”.</span>}
        {found.length > most && <span>{found.length - most} more: type to find them.</span>}
      </section>
    </>
  );
}

/** The roles up to that of the caller, and the one that the token has. */
function choicesOf({ kind, role }: Subject, has: number) {
  const roles = kind === "tenant" ? tenantRoles : projectRoles;
  const given = roles.filter(({ value }) => value === has || (role !== 0 && value >= role));
  return [{ value: "0", label: "No role" }, ...given.map(({ value, label }) => ({ value: String(value), label }))];
}
