import { Checkbox, MultiSelect, TextInput, UnstyledButton } from "@mantine/core";
import { useId, useMemo, useState } from "react";
import { Icon } from "../../kit/icons.js";
import { type Grants, withMethods } from "./grants.js";
import classes from "./matrix.module.css";
import type { Method, Service } from "./methods.js";
import { canGive, isAbout, type Subject } from "./subjects.js";
import type { TokenScope } from "./use-scope.js";

interface MatrixProps {
  readonly scope: TokenScope;
  readonly grants: Grants;
  readonly onChange: (grants: Grants) => void;
  /** The subjects with a column from the beginning. */
  readonly begin: readonly string[];
}

/** Single methods: a row for each service and its methods, a column for each project or tenant. */
export function Matrix({ scope, grants, onChange, begin }: MatrixProps) {
  const [search, setSearch] = useState("");
  const [columns, setColumns] = useState<string[]>(() => [...new Set([...begin, ...grants.permissions.keys()])]);
  const [opened, setOpened] = useState<ReadonlySet<string>>(new Set());
  const subjects = scope.subjects.filter(({ id }) => columns.includes(id));
  const found = useMemo(() => foundIn(scope.services, search), [scope.services, search]);
  const toggle = (name: string) => {
    const next = new Set(opened);
    if (!next.delete(name)) next.add(name);
    setOpened(next);
  };
  const chooseColumns = (next: string[]) => {
    // What is not seen any more must not be given either.
    const permissions = new Map([...grants.permissions].filter(([subject]) => next.includes(subject)));
    setColumns(next);
    onChange({ ...grants, permissions });
  };
  return (
    <>
      <div className={classes.tools}>
        <TextInput
          className={classes.search}
          type="search"
          label="Find services and methods"
          placeholder="volume list"
          value={search}
          onChange={({ currentTarget }) => setSearch(currentTarget.value)}
        />
        <MultiSelect
          className={classes.columns}
          label="Projects and tenants"
          data={scope.subjects.map(({ id, label }) => ({ value: id, label }))}
          value={columns}
          onChange={chooseColumns}
          searchable
          limit={100}
          maxValues={12}
        />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys */}
      <section className={classes.box} tabIndex={0} aria-label="Permissions">
        <table className={classes.matrix}>
          <thead>
            <tr>
              <th scope="col">Service</th>
              {subjects.map(({ id, label }) => (
                <th key={id} scope="col">
                  {label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {found.map((service) => (
              <Rows
                key={service.typeName}
                service={service}
                subjects={subjects}
                grants={grants}
                onChange={onChange}
                isOpen={search.trim() !== "" || opened.has(service.typeName)}
                onToggle={() => toggle(service.typeName)}
              />
            ))}
            {found.length === 0 && (
              <tr>
                <td colSpan={subjects.length + 1}>Nothing matches “{search}”.</td>
              </tr>
            )}
          </tbody>
        </table>
      </section>
    </>
  );
}

interface RowsProps {
  readonly service: Service;
  readonly subjects: readonly Subject[];
  readonly grants: Grants;
  readonly onChange: (grants: Grants) => void;
  readonly isOpen: boolean;
  readonly onToggle: () => void;
}

function Rows({ service, subjects, grants, onChange, isOpen, onToggle }: RowsProps) {
  const { name, group, methods } = service;
  const id = useId();
  return (
    <>
      <tr>
        <th scope="row">
          <UnstyledButton className={classes.service} aria-expanded={isOpen} aria-controls={id} onClick={onToggle}>
            <Icon name="chevron" size={12} />
            {name}
            <span className={classes.group}>{group}</span>
          </UnstyledButton>
        </th>
        {subjects.map((subject) => (
          <td key={subject.id}>
            <ServiceBox service={service} subject={subject} grants={grants} onChange={onChange} />
          </td>
        ))}
      </tr>
      {isOpen &&
        methods.map((method, i) => (
          <tr key={method.path} id={i === 0 ? id : undefined} className={classes.methodRow}>
            <th scope="row">
              <span className={classes.method}>{method.name}</span>
            </th>
            {subjects.map((subject) => (
              <td key={subject.id}>
                <MethodBox name={name} method={method} subject={subject} grants={grants} onChange={onChange} />
              </td>
            ))}
          </tr>
        ))}
    </>
  );
}

/** All methods of a service at once: on, off, or some of them. */
function ServiceBox(props: Pick<RowsProps, "service" | "grants" | "onChange"> & { subject: Subject }) {
  const { service, subject, grants, onChange } = props;
  const given = grants.permissions.get(subject.id);
  const all = service.methods.filter((method) => canGive(subject, method) || given?.has(method.path));
  if (all.length === 0) return <Nothing isAbout={service.methods.some((method) => isAbout(subject, method))} />;
  const on = all.filter(({ path }) => given?.has(path)).length;
  const paths = all.map(({ path }) => path);
  return (
    <div>
      <Checkbox
        size="xs"
        aria-label={`All of ${service.name} on ${subject.label}`}
        checked={on === all.length}
        indeterminate={on > 0 && on < all.length}
        onChange={() => onChange(withMethods(grants, subject.id, paths, on < all.length))}
      />
    </div>
  );
}

function MethodBox(props: {
  name: string;
  method: Method;
  subject: Subject;
  grants: Grants;
  onChange: (grants: Grants) => void;
}) {
  const { name, method, subject, grants, onChange } = props;
  const isGiven = grants.permissions.get(subject.id)?.has(method.path) === true;
  if (!isGiven && !canGive(subject, method)) return <Nothing isAbout={isAbout(subject, method)} />;
  return (
    <div>
      <Checkbox
        size="xs"
        aria-label={`${name}.${method.name} on ${subject.label}`}
        checked={isGiven}
        onChange={({ currentTarget }) =>
          onChange(withMethods(grants, subject.id, [method.path], currentTarget.checked))
        }
      />
    </div>
  );
}

function Nothing({ isAbout: about }: { isAbout: boolean }) {
  const why = about ? "You may not call it there yourself" : "It is about something else";
  return (
    <div className={classes.none} title={why}>
      –
    </div>
  );
}

/** The services, with those of their methods that match every word. */
function foundIn(services: readonly Service[], search: string): readonly Service[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return services;
  return services.flatMap((service) => {
    const methods = service.methods.filter(({ path }) => words.every((word) => path.toLowerCase().includes(word)));
    return methods.length === 0 ? [] : [{ ...service, methods }];
  });
}
