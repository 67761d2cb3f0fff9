import { ActionIcon, TextInput } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { defaultRangeExtractor, useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import { useLocation } from "wouter";
import { announce } from "./announce.js";
import { Icon } from "./icons.js";
import { type Column, fitting, type Sort, shown, toggled } from "./table-columns.js";
import { TableRow } from "./table-row.js";
import classes from "./virtual-table.module.css";

export type { Column } from "./table-columns.js";

/** Height of a row in pixels; all rows have it, so that what streams in moves nothing. */
const rowHeight = 40;

export interface VirtualTableProps<Row> {
  /** What the table lists, for screen readers: "Clusters". */
  readonly label: string;
  /** Unset while they are loading. */
  readonly rows: readonly Row[] | undefined;
  readonly rowKey: (row: Row) => string;
  /** Keep it outside of the component, or in useMemo. */
  readonly columns: readonly Column<Row>[];
  /** Where Enter and a click on a row lead. */
  readonly href?: (row: Row) => string;
  /** Buttons or a menu at the end of the row. */
  readonly actions?: (row: Row) => ReactNode;
  readonly initialSort?: Sort;
  /** Instead of rows where there are none. */
  readonly empty: ReactNode;
  /** Beside the filter: buttons, a LiveDot. */
  readonly toolbar?: ReactNode;
}

/**
 * A table of any number of rows, of which only those in sight are in the document. Columns have fixed widths, and those
 * of least priority give way where there is no room. Arrows, Home, End and Page keys move, Enter opens, `/` filters.
 */
export function VirtualTable<Row>(props: VirtualTableProps<Row>) {
  const { label, rows, rowKey, columns, href, actions, empty, toolbar } = props;
  const [filter, setFilter] = useState("");
  const [sort, setSort] = useState<Sort | undefined>(props.initialSort);
  const { ref: measured, width } = useElementSize<HTMLDivElement>();
  const scroller = useRef<HTMLDivElement>(null);
  const [, navigate] = useLocation();
  const list = useMemo(() => shown(rows ?? [], columns, filter, sort), [rows, columns, filter, sort]);
  const visible = useMemo(
    () => fitting(columns, (width || innerWidth) - (actions === undefined ? 0 : 44)),
    [columns, width, actions],
  );
  const template = `${visible.map(({ width, grow }) => (grow ? `minmax(${width}px, ${grow}fr)` : `${width}px`)).join(" ")}${actions === undefined ? "" : " 44px"}`;
  const [activeKey, setActiveKey] = useState<string>();
  const found = activeKey === undefined ? -1 : list.findIndex((row) => rowKey(row) === activeKey);
  const active = found === -1 ? 0 : found;
  const virtualizer = useVirtualizer({
    count: list.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 8,
    getItemKey: (index) => rowKey(list[index] as Row),
    // The row that has the focus stays, wherever one scrolls.
    rangeExtractor: (range) =>
      [...new Set([...defaultRangeExtractor(range), ...(active < list.length ? [active] : [])])].sort((a, b) => a - b),
  });
  const focusRow = useFocusRow(scroller);
  const move = (index: number) => {
    const row = list[Math.min(Math.max(index, 0), list.length - 1)];
    if (row === undefined) return;
    setActiveKey(rowKey(row));
    virtualizer.scrollToIndex(list.indexOf(row), { align: "auto" });
    focusRow(rowKey(row));
  };
  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>) => {
    const { target, key } = event;
    const onRow = target instanceof HTMLElement && target.getAttribute("role") === "row";
    if (!onRow) {
      if (key === "ArrowLeft" && target instanceof HTMLElement && target.closest("[data-actions]")) move(active);
      return;
    }
    const page = Math.max(Math.floor((scroller.current?.clientHeight ?? 0) / rowHeight) - 1, 1);
    const steps: Readonly<Record<string, number>> = {
      ArrowDown: active + 1,
      ArrowUp: active - 1,
      PageDown: active + page,
      PageUp: active - page,
      Home: 0,
      End: list.length - 1,
    };
    const next = steps[key];
    const row = list[active];
    if (next !== undefined) move(next);
    else if (key === "Enter" && href !== undefined && row !== undefined) navigate(href(row));
    else if (key === "ArrowRight") target.querySelector<HTMLElement>("[data-actions] button")?.focus();
    else return;
    event.preventDefault();
  };
  const sortBy = (column: Column<Row>) => {
    const next = toggled(sort, column.id);
    setSort(next);
    announce(`Sorted by ${column.header}, ${next.descending ? "descending" : "ascending"}`);
  };
  const columnCount = visible.length + (actions === undefined ? 0 : 1);
  return (
    <div className={classes.root}>
      <div className={classes.toolbar}>
        <Filter value={filter} onChange={setFilter} label={`Filter ${label.toLowerCase()}`} />
        <span className={classes.count} role="status">
          {rows === undefined ? "" : countText(list.length, rows.length)}
        </span>
        <span className={classes.tools}>{toolbar}</span>
      </div>
      <div
        ref={measured}
        className={classes.grid}
        role="grid"
        aria-label={label}
        aria-rowcount={rows === undefined ? -1 : list.length + 1}
        aria-colcount={columnCount}
        aria-busy={rows === undefined}
        onKeyDown={onKeyDown}
      >
        <div className={classes.head} role="row" aria-rowindex={1} style={{ gridTemplateColumns: template }}>
          {visible.map((column) => (
            <HeaderCell key={column.id} column={column} sort={sort} onSort={() => sortBy(column)} />
          ))}
          {actions !== undefined && (
            <span role="columnheader" className={classes.headCell}>
              <span className={classes.hidden}>Actions</span>
            </span>
          )}
        </div>
        <div ref={scroller} className={classes.scroller} role="rowgroup" tabIndex={-1}>
          {rows === undefined ? (
            <Loading />
          ) : list.length === 0 ? (
            <div className={classes.empty} role="row">
              <div role="gridcell">{rows.length === 0 ? empty : `Nothing matches “${filter}”.`}</div>
            </div>
          ) : (
            <div role="presentation" style={{ height: virtualizer.getTotalSize(), position: "relative" }}>
              {virtualizer.getVirtualItems().map(({ index, key, start }) => (
                <TableRow
                  key={key}
                  row={list[index] as Row}
                  id={String(key)}
                  index={index}
                  start={start}
                  columns={visible}
                  template={template}
                  href={href}
                  actions={actions}
                  isActive={index === active}
                  onFocus={setActiveKey}
                  onOpen={navigate}
                />
              ))}
            </div>
          )}
        </div>
      </div>
    </div>
  );
}

/** Focuses a row as soon as it is in the document; scrolling may bring it there only with a later frame. */
function useFocusRow(scroller: { readonly current: HTMLElement | null }): (key: string) => void {
  const wanted = useRef<string>(undefined);
  useEffect(() => {
    if (wanted.current === undefined) return;
    const row = scroller.current?.querySelector<HTMLElement>(`[data-key="${CSS.escape(wanted.current)}"]`);
    if (row === null || row === undefined) return;
    wanted.current = undefined;
    row.focus({ preventScroll: true });
  });
  return (key) => {
    wanted.current = key;
  };
}

function Filter({ value, onChange, label }: { value: string; onChange: (text: string) => void; label: string }) {
  return (
    <TextInput
      className={classes.filter}
      size="xs"
      type="search"
      aria-label={label}
      placeholder={`${label}  ( / )`}
      leftSection={<Icon name="search" size={14} />}
      rightSection={
        value === "" ? null : (
          <ActionIcon size="xs" aria-label="Clear the filter" onClick={() => onChange("")}>
            <Icon name="close" size={12} />
          </ActionIcon>
        )
      }
      value={value}
      onChange={({ currentTarget }) => onChange(currentTarget.value)}
      onKeyDown={({ key }) => {
        if (key === "Escape") onChange("");
      }}
      data-filter
    />
  );
}

function HeaderCell<Row>({
  column,
  sort,
  onSort,
}: {
  column: Column<Row>;
  sort: Sort | undefined;
  onSort: () => void;
}) {
  const sorted = sort?.column === column.id ? (sort.descending ? "descending" : "ascending") : "none";
  const { header, align, sort: isSortable } = column;
  return (
    <span
      role="columnheader"
      aria-sort={isSortable === undefined ? undefined : sorted}
      className={classes.headCell}
      data-align={align}
    >
      {isSortable === undefined ? (
        header
      ) : (
        <button type="button" className={classes.sort} onClick={onSort} data-sorted={sorted}>
          {header}
          <Icon name={sorted === "descending" ? "down" : "up"} size={12} />
        </button>
      )}
    </span>
  );
}

function Loading() {
  return (
    <div role="row" className={classes.loading}>
      <span role="gridcell" aria-label="Loading">
        {["62%", "48%", "55%", "40%", "51%", "44%"].map((width) => (
          <span key={width} className={classes.bone} style={{ width }} />
        ))}
      </span>
    </div>
  );
}

function countText(shownRows: number, all: number): string {
  return shownRows === all
    ? all.toLocaleString("en")
    : `${shownRows.toLocaleString("en")} of ${all.toLocaleString("en")}`;
}
