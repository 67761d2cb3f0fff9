import { type ComponentType, type LazyExoticComponent, lazy } from "react";
import type { IconName } from "./kit/icons.js";

/** A page's entry in the navigation. */
interface Nav {
  readonly label: string;
  readonly group: "Project" | "Tenant" | "Account" | "Platform";
  readonly icon: IconName;
  /** `g` and this key lead there. */
  readonly key: string;
}

/** A page: where it is, what loads it, and its entry in the navigation. */
export interface PageRoute {
  readonly path: string;
  /** The module of the page, which exports `Page`. */
  readonly load: () => Promise<{ readonly Page: ComponentType }>;
  readonly nav?: Nav;
  /** Whether who is not signed in sees it, too. */
  readonly isPublic?: boolean;
  readonly Page: LazyExoticComponent<ComponentType>;
}

function page(path: string, load: PageRoute["load"], nav?: Nav): PageRoute {
  const Page = lazy(() => load().then(({ Page }) => ({ default: Page })));
  return { path, load, Page, ...(nav === undefined ? {} : { nav }) };
}

const forEverybody = (route: PageRoute): PageRoute => ({ ...route, isPublic: true });

/** One line for each page; of two that match the first counts. The navigation shows them in this order. */
export const routes: readonly PageRoute[] = [
  page("/projects/:project/clusters", () => import("./pages/clusters/list.js"), {
    label: "Clusters",
    group: "Project",
    icon: "cluster",
    key: "c",
  }),
  page("/projects/:project/clusters/new", () => import("./pages/clusters/create.js")),
  page("/projects/:project/clusters/:cluster", () => import("./pages/clusters/detail.js")),
  page("/projects/:project/clusters/:cluster/edit", () => import("./pages/clusters/edit.js")),
  page("/projects/:project/deployments", () => import("./pages/deployments/list.js"), {
    label: "Deployments",
    group: "Project",
    icon: "deployment",
    key: "d",
  }),
  page("/projects/:project/deployments/new", () => import("./pages/deployments/create.js")),
  page("/projects/:project/deployments/:deployment", () => import("./pages/deployments/detail.js")),
  page("/projects/:project/deployments/:deployment/change", () => import("./pages/deployments/change.js")),
  page("/projects/:project/environments", () => import("./pages/environments/list.js"), {
    label: "Environments",
    group: "Project",
    icon: "auto",
    key: "e",
  }),
  page("/projects/:project/environments/new", () => import("./pages/environments/create.js")),
  page("/projects/:project/environments/:environment", () => import("./pages/environments/edit.js")),
  page("/projects/:project/targets", () => import("./pages/targets/list.js"), {
    label: "Targets",
    group: "Project",
    icon: "link",
    key: "t",
  }),
  page("/projects/:project/targets/new", () => import("./pages/targets/create.js")),
  page("/projects/:project/targets/:target", () => import("./pages/targets/detail.js")),
  page("/projects/:project/targets/:target/edit", () => import("./pages/targets/edit.js")),
  page("/projects/:project/volumes", () => import("./pages/volumes/list.js"), {
    label: "Volumes",
    group: "Project",
    icon: "volume",
    key: "v",
  }),
  page("/projects/:project/snapshots", () => import("./pages/snapshots/list.js"), {
    label: "Snapshots",
    group: "Project",
    icon: "snapshot",
    key: "o",
  }),
  page("/projects/:project/addresses", () => import("./pages/addresses/list.js"), {
    label: "Addresses",
    group: "Project",
    icon: "address",
    key: "a",
  }),
  page("/projects/:project/addresses/new", () => import("./pages/addresses/create.js")),
  page("/projects/:project/addresses/:address/edit", () => import("./pages/addresses/edit.js")),
  page("/projects/:project/members", () => import("./pages/members/list.js"), {
    label: "Members",
    group: "Tenant",
    icon: "members",
    key: "m",
  }),
  page("/projects/:project/usage", () => import("./pages/usage/page.js"), {
    label: "Usage",
    group: "Tenant",
    icon: "usage",
    key: "u",
  }),
  page("/projects/:project/invoices", () => import("./pages/invoices/list.js"), {
    label: "Invoices",
    group: "Tenant",
    icon: "invoice",
    key: "i",
  }),
  page("/projects/:project/invoices/:invoice", () => import("./pages/invoices/detail.js")),
  page("/projects/:project/audit", () => import("./pages/audit/list.js"), {
    label: "Audit log",
    group: "Tenant",
    icon: "audit",
    key: "l",
  }),
  page("/projects/:project/tokens", () => import("./pages/tokens/list.js"), {
    label: "Tokens",
    group: "Account",
    icon: "token",
    key: "k",
  }),
  page("/projects/:project/tokens/new", () => import("./pages/tokens/create.js")),
  page("/projects/:project/tokens/:token", () => import("./pages/tokens/edit.js")),
  page("/invite/:secret", () => import("./pages/members/invite.js")),
  forEverybody(
    page("/status", () => import("./pages/status/page.js"), {
      label: "Status",
      group: "Platform",
      icon: "status",
      key: "s",
    }),
  ),
];
