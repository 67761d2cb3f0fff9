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
  readonly Page: LazyExoticComponent<ComponentType>;
}

function page(path: string, load: PageRoute["load"], nav?: Nav): PageRoute {
  const Page = lazy(() => load().then(({ Page }) => ({ default: Page })));
  return { path, load, Page, ...(nav === undefined ? {} : { nav }) };
}

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
];
