import { Alert } from "@mantine/core";
import type { HealthStatus } from "../../../../gen/ts/api/v1/health_pb.js";
import type { Message, ReplyMessage } from "../../../../gen/ts/status/v1/message_pb.js";
import { Icon } from "../../kit/icons.js";
import { Page as PageBody, PageHeader, Section } from "../../kit/page.js";
import { StatusBadge } from "../../kit/status-badge.js";
import { Ago, DateTime } from "../../kit/time.js";
import { LiveDot } from "../../kit/use-watch.js";
import classes from "./status.module.css";
import { useStatus } from "./use-status.js";
import { kindWords, overallText, serviceText, statusWords } from "./words.js";

/** How the platform is, live, for everybody. */
export function Page() {
  const { status, messages, watch } = useStatus();
  const overall = statusWords(status?.overallStatus);
  const all = [...(messages?.pinnedItems ?? []), ...(messages?.items ?? [])];
  const shown = [...new Map(all.map((message) => [message.id, message])).values()];
  return (
    <PageBody>
      <PageHeader title="Status" badge={<LiveDot watch={watch} />} />
      <div className={classes.overall} data-tone={status === undefined ? "quiet" : overall.tone}>
        <Icon name={overall.tone === "good" ? "check" : overall.tone === "quiet" ? "clock" : "alert"} size={22} />
        <span>{overallText(status?.overallStatus)}</span>
      </div>
      {(watch.state === "failed" || status?.connectionBroken === true) && (
        <Alert color="var(--warn)" variant="outline" icon={<Icon name="alert" />} role="status">
          {watch.problem?.message ?? "The platform is out of sight: this is how it was last."}
        </Alert>
      )}
      <Section title="Services">
        <ul className={classes.services} aria-busy={status === undefined}>
          {status?.health?.services.map((service) => (
            <ServiceState key={service.name} service={service} />
          ))}
        </ul>
      </Section>
      <Section title="Messages">
        {messages !== undefined && shown.length === 0 && <span>There is nothing to tell at present.</span>}
        <div className={classes.messages}>
          {shown.map((message) => (
            <MessageBox
              key={message.id}
              message={message}
              isPinned={messages?.pinnedItems.some(({ id }) => id === message.id) ?? false}
            />
          ))}
        </div>
      </Section>
      <span className={classes.version}>{status === undefined ? " " : `Slipway ${status.apiVersion}`}</span>
    </PageBody>
  );
}

function ServiceState({ service }: { service: HealthStatus }) {
  const { text, tone } = statusWords(service.status);
  const partitions = Object.entries(service.partitions).sort(([a], [b]) => a.localeCompare(b));
  return (
    <li>
      <div className={classes.service}>
        <span className={classes.serviceName}>{serviceText(service.name)}</span>
        <StatusBadge tone={tone}>{text}</StatusBadge>
      </div>
      {service.message !== "" && <div className={classes.words}>{service.message}</div>}
      {partitions.length > 0 && (
        <ul className={classes.partitions}>
          {partitions.map(([name, { status, message }]) => (
            <li key={name} className={classes.partition}>
              <span>{name}</span>
              <StatusBadge tone={statusWords(status).tone} title={message || undefined}>
                {statusWords(status).text}
              </StatusBadge>
              {message !== "" && <span className={classes.words}>{message}</span>}
            </li>
          ))}
        </ul>
      )}
    </li>
  );
}

function MessageBox({ message, isPinned }: { message: Message; isPinned: boolean }) {
  const { replies } = message;
  return (
    <article className={classes.message} data-pinned={isPinned || undefined}>
      <Entry entry={message} isPinned={isPinned} />
      {replies.length > 0 && (
        <ol className={classes.replies}>
          {replies.map((reply) => (
            <li key={reply.id}>
              <Entry entry={reply} />
            </li>
          ))}
        </ol>
      )}
    </article>
  );
}

function Entry({ entry, isPinned = false }: { entry: Message | ReplyMessage; isPinned?: boolean }) {
  const { text, tone, icon } = kindWords(entry.kind);
  return (
    <>
      <div className={classes.entryHead}>
        <StatusBadge tone={tone} icon={icon}>
          {text}
        </StatusBadge>
        {isPinned && <span>Pinned</span>}
        <DateTime at={entry.timestamp} />
        <Ago at={entry.timestamp} />
      </div>
      <p className={classes.entryText}>{entry.text}</p>
    </>
  );
}
