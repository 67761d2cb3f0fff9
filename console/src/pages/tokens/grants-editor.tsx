import { Stack, Tabs } from "@mantine/core";
import { useState } from "react";
import type { Grants } from "./grants.js";
import { Matrix } from "./matrix.js";
import { RolesTab } from "./roles-tab.js";
import type { TokenScope } from "./use-scope.js";

/** What a token may do: single methods, or roles, or both. */
export function GrantsEditor(props: {
  scope: TokenScope;
  grants: Grants;
  onChange: (grants: Grants) => void;
  begin: readonly string[];
}) {
  const { scope, grants, onChange, begin } = props;
  const { permissions, projectRoles, tenantRoles } = grants;
  const methods = [...permissions.values()].reduce((sum, each) => sum + each.size, 0);
  const roles = new Set([...Object.keys(projectRoles), ...Object.keys(tenantRoles)]).size;
  const [tab, setTab] = useState<string | null>(methods === 0 && roles > 0 ? "roles" : "methods");
  return (
    <Tabs value={tab} onChange={setTab}>
      <Tabs.List>
        <Tabs.Tab value="methods">Methods ({methods})</Tabs.Tab>
        <Tabs.Tab value="roles">Roles ({roles})</Tabs.Tab>
      </Tabs.List>
      <Tabs.Panel value="methods" pt="sm">
        <Stack gap="sm">
          <Matrix scope={scope} grants={grants} onChange={onChange} begin={begin} />
        </Stack>
      </Tabs.Panel>
      <Tabs.Panel value="roles" pt="sm">
        <Stack gap="sm">
          <RolesTab scope={scope} grants={grants} onChange={onChange} />
        </Stack>
      </Tabs.Panel>
    </Tabs>
  );
}
