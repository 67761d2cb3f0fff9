/** The tabs of a deployment, in their order. */
export const tabs = ["overview", "releases", "tasks", "config", "routes", "logs", "shell"] as const;

/** A tab of a deployment. */
export type Tab = (typeof tabs)[number];

/** Where the deployments of a project are listed. */
export const listHref = (project: string): string => `/projects/${project}/deployments`;

/** Where a deployment is shown. */
export function hrefOf({ project, uuid }: { readonly project: string; readonly uuid: string }, tab?: Tab): string {
  const here = `${listHref(project)}/${uuid}`;
  return tab === undefined || tab === "overview" ? here : `${here}?tab=${tab}`;
}

/** Where a task of a deployment is followed. */
export const taskHref = (deployment: { readonly project: string; readonly uuid: string }, task: string): string =>
  `${hrefOf(deployment, "tasks")}&task=${task}`;
