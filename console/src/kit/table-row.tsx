import { type MouseEvent, memo, type ReactNode } from "react";
import type { Column } from "./table-columns.js";
import classes from "./virtual-table.module.css";

interface TableRowProps<Row> {
  readonly row: Row;
  readonly id: string;
  readonly index: number;
  readonly start: number;
  readonly columns: readonly Column<Row>[];
  readonly template: string;
  readonly href: ((row: Row) => string) | undefined;
  readonly actions: ((row: Row) => ReactNode) | undefined;
  readonly isActive: boolean;
  readonly onFocus: (key: string) => void;
  readonly onOpen: (href: string) => void;
}

function Row<Row>(props: TableRowProps<Row>) {
  const { row, id, index, start, columns, template, href, actions, isActive, onFocus, onOpen } = props;
  const open = (event: MouseEvent<HTMLElement>) => {
    const { target } = event;
    // Links and buttons in the row do what they do; text that is being selected is not clicked.
    if (href === undefined || (target instanceof Element && target.closest("a,button,input") !== null)) return;
    if (getSelection()?.isCollapsed === false) return;
    if (event.metaKey || event.ctrlKey) window.open(href(row), "_blank", "noopener");
    else onOpen(href(row));
  };
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the grid handles the keys of its rows
    <div
      className={classes.row}
      role="row"
      aria-rowindex={index + 2}
      tabIndex={isActive ? 0 : -1}
      data-key={id}
      data-opens={href === undefined ? undefined : true}
      style={{ gridTemplateColumns: template, transform: `translateY(${start}px)` }}
      onFocus={() => onFocus(id)}
      onClick={open}
    >
      {columns.map((column) => (
        <span key={column.id} role="gridcell" className={classes.cell} data-align={column.align}>
          {column.cell(row)}
        </span>
      ))}
      {actions !== undefined && (
        <span role="gridcell" className={classes.cell} data-actions>
          {actions(row)}
        </span>
      )}
    </div>
  );
}

/** A row of a table; drawn again only when something of it has changed. */
export const TableRow = memo(Row) as typeof Row;
