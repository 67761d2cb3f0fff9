import { Code } from "@connectrpc/connect";
import { Alert, Button } from "@mantine/core";
import { problemOf } from "../../../clients/ts/src/problem.js";
import { Icon } from "./icons.js";

/** What somebody can do about an error of this code; nothing where the message says it. */
function adviceOf(code: Code, retryAfterMs: number | undefined): string | undefined {
  switch (code) {
    case Code.PermissionDenied:
      return "Ask an owner of the project or tenant for a role that allows this.";
    case Code.Unauthenticated:
      return "Sign in again.";
    case Code.NotFound:
      return "It may have been deleted, or belong to another project.";
    case Code.ResourceExhausted:
      return retryAfterMs === undefined ? undefined : `Try again in ${Math.ceil(retryAfterMs / 1_000)} s.`;
    case Code.Unavailable:
    case Code.DeadlineExceeded:
      return "Slipway, or something behind it, does not answer now. Nothing that you typed is lost.";
    case Code.Aborted:
      return "Somebody else changed it at the same time. Look at it again, then try once more.";
    case Code.Internal:
    case Code.Unknown:
    case Code.DataLoss:
      return "This is a defect of Slipway. If it stays, tell who runs it.";
    default:
      return undefined;
  }
}

/** An error of a call where it happened: what failed, why, and what to do. */
export function Problem({ error, what, onRetry }: { error: unknown; what: string; onRetry?: () => void }) {
  const { code, message, violations, retryAfterMs } = problemOf(error);
  const advice = adviceOf(code, retryAfterMs);
  return (
    <Alert color="var(--bad)" variant="outline" title={what} icon={<Icon name="alert" />} role="alert">
      <div style={{ overflowWrap: "anywhere" }}>{sentence(message)}</div>
      {violations.length > 0 && (
        <ul style={{ margin: "0.25rem 0 0", paddingInlineStart: "1.25rem" }}>
          {violations.map(({ field, message: text }) => (
            <li key={`${field} ${text}`}>{field === "" ? text : `${field}: ${text}`}</li>
          ))}
        </ul>
      )}
      {advice !== undefined && <div>{advice}</div>}
      {onRetry !== undefined && (
        <Button mt="xs" variant="default" onClick={onRetry}>
          Try again
        </Button>
      )}
    </Alert>
  );
}

/** An error as one line of text, for notifications. */
export function problemText(error: unknown): string {
  return sentence(problemOf(error).message);
}

const sentence = (text: string): string => (text === "" ? text : text.charAt(0).toUpperCase() + text.slice(1));
