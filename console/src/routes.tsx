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
];
