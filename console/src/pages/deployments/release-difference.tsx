import { useQuery } from "@connectrpc/connect-query";
import { Modal } from "@mantine/core";
import type { Deployment } from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import { ReleaseService } from "../../../../gen/ts/deploy/v1/release_pb.js";
import { Problem } from "../../kit/problem.js";
import classes from "./detail.module.css";
import { type Difference, differencesOf } from "./difference.js";

/** What two releases of a deployment differ in. */
export function ReleaseDifference({
  deployment: { project, uuid },
  before,
  after,
  onClose,
}: {
  deployment: Deployment;
  before: number;
  after: number;
  onClose: () => void;
}) {
  const its = { project, deployment: uuid };
  const first = useQuery(ReleaseService.method.get, { ...its, number: before });
  const second = useQuery(ReleaseService.method.get, { ...its, number: after });
  const error = first.error ?? second.error;
  const [was, is] = [first.data?.release, second.data?.release];
  return (
    <Modal
      opened
      onClose={onClose}
      size="xl"
      title={`From release ${before} to ${after}`}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      {error !== null && <Problem error={error} what="The releases could not be read" />}
      {was !== undefined && is !== undefined && (
        <Differences all={differencesOf(was, is)} before={before} after={after} />
      )}
    </Modal>
  );
}

function Differences({ all, before, after }: { all: readonly Difference[]; before: number; after: number }) {
  if (all.length === 0) return <p>They run the same. Sensitive values are not compared: nobody is shown those.</p>;
  return (
    <div className={classes.tableBox}>
      <table className={classes.table}>
        <thead>
          <tr>
            <th scope="col">What</th>
            <th scope="col">Release {before}</th>
            <th scope="col">Release {after}</th>
          </tr>
        </thead>
        <tbody>
          {all.map(({ path, before: was, after: is }) => (
            <tr key={path}>
              <th scope="row" className={classes.mono}>
                {path}
              </th>
              <td>
                {was === undefined ? (
                  <span className={classes.dimmed}>not there</span>
                ) : (
                  <del className={classes.gone}>{was}</del>
                )}
              </td>
              <td>
                {is === undefined ? (
                  <span className={classes.dimmed}>not there</span>
                ) : (
                  <ins className={classes.new}>{is}</ins>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
