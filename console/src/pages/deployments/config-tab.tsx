import { pathToString } from "@bufbuild/protobuf/reflect";
import { useMutation, useQuery } from "@connectrpc/connect-query";
import { Button } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { problemOf } from "../../../../clients/ts/src/problem.js";
import { ConfigService } from "../../../../gen/ts/deploy/v1/config_pb.js";
import type { Deployment } from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import { SecretService } from "../../../../gen/ts/deploy/v1/secret_pb.js";
import { type ConfigPatch, ConfigPatchSchema } from "../../../../gen/ts/deploy/v1/spec_pb.js";
import { loadValidator } from "../../kit/form/check.js";
import { Problem } from "../../kit/problem.js";
import classes from "./config/config.module.css";
import { type ConfigEdits, noEdits, patchOf, problemsByRow } from "./config/config-edits.js";
import { Files, Mounts } from "./config/files.js";
import { Variables } from "./config/variables.js";
import { refreshOthers } from "./refresh-others.js";
import { TaskProgress } from "./task-progress.js";

/** The configuration of the active release; what is changed together makes one release, which is followed. */
export function ConfigTab({ deployment }: { deployment: Deployment }) {
  const { project, uuid, environment } = deployment;
  const { data, error, refetch } = useQuery(ConfigService.method.get, { project, deployment: uuid });
  const secrets = useQuery(SecretService.method.list, { project });
  const update = useMutation(ConfigService.method.update);
  const queryClient = useQueryClient();
  const [edits, setEdits] = useState<ConfigEdits>(noEdits);
  const [problems, setProblems] = useState<ReadonlyMap<string, string>>(new Map());
  const [refused, setRefused] = useState<unknown>();
  const [followed, setFollowed] = useState<string>();
  if (error !== null && data === undefined)
    return <Problem error={error} what="The configuration could not be read" onRetry={() => void refetch()} />;
  const base = data?.configuration;
  const planned = patchOf(base, edits);
  const change = (next: ConfigEdits) => {
    setEdits(next);
    setProblems(new Map());
    setRefused(undefined);
  };
  const save = async () => {
    const wrong = problemsByRow(await violationsOf(planned.patch), planned);
    setProblems(wrong);
    setRefused(wrong.has("") ? new Error(wrong.get("")) : undefined);
    if (wrong.size > 0) return;
    try {
      const { task } = await update.mutateAsync({ project, deployment: uuid, patch: planned.patch });
      setEdits(noEdits);
      setFollowed(task?.uuid);
      refreshOthers(queryClient);
    } catch (caught) {
      const told = problemsByRow(problemOf(caught).violations, planned);
      setProblems(told);
      if (told.size === 0 || told.has("")) setRefused(caught);
    }
  };
  const usable = (secrets.data?.secrets ?? []).filter(
    (secret) => secret.environment === "" || secret.environment === environment,
  );
  const editor = { edits, onChange: change, problemOf: (row: string) => problems.get(row), secrets: usable };
  return (
    <>
      <Variables {...editor} variables={base?.variables ?? []} />
      <Files {...editor} files={base?.files ?? []} />
      <Mounts {...editor} mounts={base?.secretMounts ?? []} />
      {refused !== undefined && <Problem error={refused} what="The configuration was not changed" />}
      <div className={classes.save}>
        <Button onClick={() => void save()} loading={update.isPending} disabled={planned.count === 0}>
          Save and release
        </Button>
        <Button variant="default" onClick={() => change(noEdits)} disabled={planned.count === 0}>
          Discard
        </Button>
        <span role="status">
          {planned.count === 0 ? "Nothing is changed." : planned.count === 1 ? "1 change" : `${planned.count} changes`}
        </span>
      </div>
      {followed !== undefined && (
        <TaskProgress key={followed} project={project} uuid={followed} onRetry={setFollowed} />
      )}
    </>
  );
}

/** What is wrong with a change by the rules of its proto. Without their interpreter the server is the one who checks. */
async function violationsOf(
  patch: ConfigPatch,
): Promise<readonly { readonly field: string; readonly message: string }[]> {
  const validator = await loadValidator().catch(() => undefined);
  const result = validator?.validate(ConfigPatchSchema, patch);
  if (result?.kind !== "invalid") return [];
  return result.violations.map(({ field, message }) => ({ field: pathToString(field), message }));
}
