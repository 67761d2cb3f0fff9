import { Button, Group } from "@mantine/core";
import { Link } from "wouter";
import { listHref } from "./paths.js";
import type { Places } from "./use-places.js";

/** What a project needs before its first deployment, in order: the first that is missing is the one to do. */
export function FirstSteps({ places, project }: { places: Places; project: string }) {
  const { environments, targets, namespaces, isReady } = places;
  if (!isReady) return <p>No deployments yet.</p>;
  const base = `/projects/${project}`;
  const target = targets?.[0]?.uuid ?? "";
  const steps = [
    {
      isDone: environments?.length !== 0,
      words: "An environment says what deployments have in common, such as where they may run.",
      label: "Create an environment",
      href: `${base}/environments/new`,
    },
    {
      isDone: targets?.length !== 0,
      words: "A target is a Kubernetes cluster on which deployments run.",
      label: "Create a target",
      href: `${base}/targets/new`,
    },
    {
      isDone: namespaces?.length !== 0,
      words: "Deployments run in a namespace of the target.",
      label: "Register a namespace",
      href: `${base}/targets/${target}`,
    },
  ];
  const next = steps.find(({ isDone }) => !isDone);
  if (next === undefined) {
    return (
      <>
        <p>No deployments yet. A deployment is an image or a chart that runs on a target.</p>
        <Button component={Link} href={`${listHref(project)}/new`}>
          Deploy something
        </Button>
      </>
    );
  }
  const done = steps.indexOf(next);
  return (
    <>
      <p>
        No deployments yet. Step {done + 1} of {steps.length}: {next.words}
      </p>
      <Group justify="center">
        <Button component={Link} href={next.href}>
          {next.label}
        </Button>
      </Group>
    </>
  );
}
