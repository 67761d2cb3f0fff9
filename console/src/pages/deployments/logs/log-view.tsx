import { timestampDate } from "@bufbuild/protobuf/wkt";
import { Button } from "@mantine/core";
import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useLayoutEffect, useRef, useState } from "react";
import { Icon } from "../../../kit/icons.js";
import type { ShownLine } from "./log-buffer.js";
import classes from "./log-view.module.css";

/** Height of a line in pixels; all have it, so that what streams in moves nothing. */
const lineHeight = 20;
/** So near to the end counts as at the end. */
const nearPx = 30;

const clock = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
  hour12: false,
});

/**
 * Lines of a log, of which only those in sight are in the document. It stays at the newest line until the reader
 * scrolls up, and then stands still, also while the oldest lines are let go.
 */
export function LogView({
  label,
  lines,
  empty,
  mark = "",
}: {
  label: string;
  lines: readonly ShownLine[];
  empty: string;
  /** Text to be marked in the lines. */
  mark?: string;
}) {
  const scroller = useRef<HTMLDivElement>(null);
  const [follows, setFollows] = useState(true);
  const top = useRef<{ readonly seq: number; readonly offset: number }>(undefined);
  const virtualizer = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => lineHeight,
    overscan: 12,
  });
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    if (follows) {
      element.scrollTop = lines.length * lineHeight;
      return;
    }
    // The line that the reader is at stays where it is.
    if (top.current === undefined) return;
    const { seq, offset } = top.current;
    element.scrollTop = placeOf(lines, seq) * lineHeight + offset;
  }, [lines, follows]);
  const onScroll = () => {
    const element = scroller.current;
    if (element === null) return;
    setFollows(element.scrollHeight - element.scrollTop - element.clientHeight < nearPx);
    const first = lines[Math.floor(element.scrollTop / lineHeight)];
    top.current = first && { seq: first.seq, offset: element.scrollTop % lineHeight };
  };
  return (
    <div className={classes.frame}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, also by keyboard */}
      <section ref={scroller} className={classes.scroller} onScroll={onScroll} aria-label={label} tabIndex={0}>
        {lines.length === 0 ? (
          <p className={classes.empty}>{empty}</p>
        ) : (
          <div className={classes.lines} style={{ height: virtualizer.getTotalSize() }}>
            {virtualizer.getVirtualItems().map(({ index, start }) => {
              const line = lines[index];
              return line === undefined ? null : <Line key={line.seq} line={line} start={start} mark={mark} />;
            })}
          </div>
        )}
      </section>
      {!follows && lines.length > 0 && (
        <Button
          className={classes.newest}
          size="compact-xs"
          leftSection={<Icon name="down" size={12} />}
          onClick={() => setFollows(true)}
        >
          Newest lines
        </Button>
      )}
    </div>
  );
}

/** The place of a line, or of the first one after it. */
function placeOf(lines: readonly ShownLine[], seq: number): number {
  let [low, high] = [0, lines.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((lines[middle]?.seq ?? 0) < seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

const Line = memo(({ line, start, mark }: { line: ShownLine; start: number; mark: string }) => (
  <div className={classes.line} style={{ transform: `translateY(${start}px)` }}>
    {line.time !== undefined && (
      <time className={classes.time} dateTime={timestampDate(line.time).toISOString()}>
        {clock.format(timestampDate(line.time))}
      </time>
    )}
    {line.label !== "" && <span className={classes.label}>{line.label}</span>}
    <span>{mark === "" ? line.text : marked(line.text, mark)}</span>
  </div>
));

function marked(text: string, mark: string) {
  const at = text.toLowerCase().indexOf(mark.toLowerCase());
  if (at === -1) return text;
  return (
    <>
      {text.slice(0, at)}
      <mark className={classes.mark}>{text.slice(at, at + mark.length)}</mark>
      {text.slice(at + mark.length)}
    </>
  );
}
