import classes from "./progress.module.css";
import type { Tone } from "./status-badge.js";

/** A bar with its percentage beside it; its width never changes what is around it. */
export function Progress({ value, label, tone = "busy" }: { value: number; label: string; tone?: Tone }) {
  const percent = Math.round(Math.min(Math.max(value, 0), 100));
  return (
    <span className={classes.progress} data-tone={tone}>
      <span
        className={classes.track}
        role="progressbar"
        aria-label={label}
        aria-valuenow={percent}
        aria-valuemin={0}
        aria-valuemax={100}
      >
        <span className={classes.bar} style={{ transform: `scaleX(${percent / 100})` }} />
      </span>
      <span className={classes.percent} aria-hidden="true">
        {percent}%
      </span>
    </span>
  );
}
