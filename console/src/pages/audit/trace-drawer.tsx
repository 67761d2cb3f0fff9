import { AuditPhase, type AuditTrace } from "../../../../gen/ts/api/v1/audit_pb.js";
import { useProjects } from "../../app/project.js";
import { CopyButton } from "../../kit/copy-button.js";
import { KeyValue, Section } from "../../kit/page.js";
import { StatusBadge } from "../../kit/status-badge.js";
import { SideDrawer } from "../volumes/side-drawer.js";
import classes from "./audit.module.css";
import { codeText, codeTone } from "./codes.js";
import { ToTheSecond } from "./to-the-second.js";

/** The word for the end of a call at which a record was written. */
export function phaseText({ phase }: AuditTrace): string {
  return phase === AuditPhase.REQUEST ? "Request" : phase === AuditPhase.RESPONSE ? "Response" : "Unknown";
}

/** One record, with its body as JSON. */
export function TraceDrawer({ trace, onClose }: { trace: AuditTrace | undefined; onClose: () => void }) {
  return (
    <SideDrawer title={trace?.method.slice(1) ?? "Record"} opened={trace !== undefined} onClose={onClose}>
      {trace !== undefined && <Record trace={trace} />}
    </SideDrawer>
  );
}

function Record({ trace }: { trace: AuditTrace }) {
  const { data } = useProjects();
  const { uuid, user, tenant, project = "", sourceIp, resultCode, body } = trace;
  const projectName = data?.projects.find((each) => each.uuid === project)?.name ?? project;
  const text = formatted(body);
  return (
    <>
      <KeyValue
        items={[
          ["When", <ToTheSecond key="when" at={trace.timestamp} />],
          ["Phase", phaseText(trace)],
          [
            "Ended with",
            resultCode === undefined ? (
              "–"
            ) : (
              <StatusBadge key="code" tone={codeTone(resultCode)}>
                {codeText(resultCode)}
              </StatusBadge>
            ),
          ],
          ["User", user || "Nobody known"],
          ["Tenant", tenant || "–"],
          ["Project", projectName || "–"],
          ["From address", sourceIp || "–"],
          [
            "Call",
            <span key="call" className={classes.mono}>
              {uuid} <CopyButton text={uuid} label="Copy the id of the call" />
            </span>,
          ],
        ]}
      />
      <Section
        title={trace.phase === AuditPhase.REQUEST ? "What was asked" : "What was answered, or asked and refused"}
        actions={text === "" ? undefined : <CopyButton text={text} label="Copy the body" />}
      >
        {text === "" ? (
          <span>There was no readable message.</span>
        ) : (
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys
          <pre className={classes.body} tabIndex={0}>
            {text}
          </pre>
        )}
      </Section>
    </>
  );
}

/** JSON with lines and indents; what was cut off is no JSON any more, and stays as it is. */
function formatted(body: string | undefined): string {
  if (body === undefined) return "";
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}
