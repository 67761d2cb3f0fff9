import { Code } from "@mantine/core";
import {
  type DeploymentServicePreviewResponse,
  DifferenceKind,
  type ObjectDifference,
} from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import { StatusBadge } from "../../kit/status-badge.js";
import classes from "./detail.module.css";
import { differenceKind } from "./state.js";

/** What a change would do to each object, with the manifest as it would be applied. */
export function Preview({ response: { objects, notes, release } }: { response: DeploymentServicePreviewResponse }) {
  const changed = objects.filter(({ difference }) => difference !== DifferenceKind.SAME).length;
  return (
    <div role="status" className={classes.preview}>
      <span>
        {release?.summary === "" || release === undefined ? "" : `${release.summary}. `}
        {changed} of {objects.length} objects would change.
      </span>
      {notes.map((note) => (
        <span key={note} className={classes.dimmed}>
          {note}
        </span>
      ))}
      {objects.map((each) => (
        <ObjectPreview key={`${each.object?.group} ${each.object?.kind} ${each.object?.name}`} object={each} />
      ))}
    </div>
  );
}

function ObjectPreview({ object: { object, difference, manifest, fields, message } }: { object: ObjectDifference }) {
  const { text, tone } = differenceKind(difference);
  return (
    <details className={classes.object} open={difference === DifferenceKind.REFUSED}>
      <summary>
        {object?.kind} {object?.name} <StatusBadge tone={tone}>{text}</StatusBadge>
      </summary>
      {message !== "" && <p>{message}</p>}
      {fields.length > 0 && (
        <ul className={classes.mono}>
          {fields.map(({ path, before, after }) => (
            <li key={path}>
              {path}: {before === "" ? "nothing" : before} → {after === "" ? "nothing" : after}
            </li>
          ))}
        </ul>
      )}
      {manifest !== "" && (
        <Code block tabIndex={0}>
          {manifest}
        </Code>
      )}
    </details>
  );
}
