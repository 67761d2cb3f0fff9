import { Combobox, UnstyledButton, useCombobox } from "@mantine/core";
import { useState } from "react";
import { useLocation } from "wouter";
import type { Project } from "../../../gen/ts/api/v1/project_pb.js";
import { Icon } from "../kit/icons.js";
import { routes } from "../routes.js";
import classes from "./frame.module.css";
import { pathIn } from "./navigation.js";
import { useTenantNames } from "./project.js";

/** So many are listed at once; typing finds the others. */
const most = 100;

/** Chooses the project, by tenant; the page stays the same one in the other project. */
export function ProjectSwitcher({ projects, current }: { projects: readonly Project[]; current: Project | undefined }) {
  const [search, setSearch] = useState("");
  const [here, navigate] = useLocation();
  const names = useTenantNames();
  const nameOf = (tenant: string) => names.get(tenant) ?? tenant;
  const combobox = useCombobox({
    onDropdownOpen: () => combobox.focusSearchInput(),
    onDropdownClose: () => {
      combobox.resetSelectedOption();
      setSearch("");
    },
  });
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const found = projects.filter(({ name, tenant }) =>
    words.every((word) => `${tenant} ${nameOf(tenant)} ${name}`.toLowerCase().includes(word)),
  );
  const listed = found.slice(0, most);
  const tenants = [...new Set(listed.map(({ tenant }) => tenant))].sort();
  const choose = (uuid: string) => {
    combobox.closeDropdown();
    navigate(samePage(here, uuid));
  };
  return (
    <Combobox store={combobox} onOptionSubmit={choose} width={300} position="bottom-start" withinPortal>
      <Combobox.Target targetType="button" withAriaAttributes={false}>
        <UnstyledButton
          className={classes.switcher}
          onClick={() => combobox.toggleDropdown()}
          aria-haspopup="listbox"
          aria-expanded={combobox.dropdownOpened}
          title="Change the project"
        >
          <span className={classes.hidden}>Project</span>
          <span className={classes.switcherTenant}>{current === undefined ? "" : nameOf(current.tenant)}</span>
          <span className={classes.switcherSlash}>/</span>
          <span className={classes.switcherName}>{current?.name ?? "Choose a project"}</span>
          <Icon name="down" size={12} />
        </UnstyledButton>
      </Combobox.Target>
      <Combobox.Dropdown>
        <Combobox.Search
          value={search}
          onChange={({ currentTarget }) => setSearch(currentTarget.value)}
          placeholder="Find a project"
          aria-label="Find a project"
        />
        <Combobox.Options mah={360} style={{ overflowY: "auto" }} aria-label="Projects">
          {tenants.map((tenant) => (
            <Combobox.Group key={tenant} label={nameOf(tenant)}>
              {listed
                .filter((project) => project.tenant === tenant)
                .map(({ uuid, name }) => (
                  <Combobox.Option key={uuid} value={uuid} active={uuid === current?.uuid}>
                    <span className={classes.switcherOption}>
                      {name}
                      {uuid === current?.uuid && <Icon name="check" size={14} />}
                    </span>
                  </Combobox.Option>
                ))}
            </Combobox.Group>
          ))}
          {listed.length === 0 && <Combobox.Empty>No project of this name</Combobox.Empty>}
          {found.length > most && <Combobox.Empty>{found.length - most} more: type to find them</Combobox.Empty>}
        </Combobox.Options>
      </Combobox.Dropdown>
    </Combobox>
  );
}

/** The list page that one is at or below, in another project. */
function samePage(here: string, project: string): string {
  const [, , , section] = here.split("/");
  const same = routes.find(({ path, nav }) => nav !== undefined && path === `/projects/:project/${section}`);
  return pathIn(same?.path ?? "/projects/:project/clusters", project);
}
