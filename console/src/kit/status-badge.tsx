import { Icon, type IconName } from "./icons.js";
import classes from "./status-badge.module.css";

/** What a status means for the reader. */
export type Tone = "good" | "busy" | "warn" | "bad" | "quiet";

const icons: Readonly<Record<Tone, IconName>> = {
  good: "check",
  busy: "busy",
  warn: "alert",
  bad: "close",
  quiet: "minus",
};

/** A status by color, icon and word together; `icon` replaces the usual one of the tone. */
export function StatusBadge({
  tone,
  children,
  icon,
  title,
}: {
  tone: Tone;
  children: string;
  icon?: IconName;
  title?: string;
}) {
  return (
    <span className={classes.badge} data-tone={tone} title={title}>
      <Icon name={icon ?? icons[tone]} size={13} className={classes.icon} />
      <span className={classes.text}>{children}</span>
    </span>
  );
}
