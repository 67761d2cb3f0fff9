import { type ReactNode, useEffect } from "react";
import { Link } from "wouter";
import { Icon } from "./icons.js";
import classes from "./page.module.css";

/** A page; with `fill` it is as high as the window, so that a table in it scrolls by itself. */
export function Page({ fill = false, children }: { fill?: boolean; children: ReactNode }) {
  return (
    <div className={fill ? classes.fill : classes.page} data-fill={fill || undefined}>
      {children}
    </div>
  );
}

/** The heading of a page, which is also its title in the browser; what can be done stands on the right. */
export function PageHeader({
  title,
  parents = [],
  badge,
  children,
}: {
  title: string;
  /** The way here, outermost first. */
  parents?: readonly { readonly label: string; readonly href: string }[];
  badge?: ReactNode;
  children?: ReactNode;
}) {
  useEffect(() => {
    document.title = `${title} · Slipway`;
  }, [title]);
  return (
    <div className={classes.header}>
      <div className={classes.titles}>
        {parents.length > 0 && (
          <nav aria-label="Breadcrumb" className={classes.parents}>
            {parents.map(({ label, href }) => (
              <span key={href}>
                <Link href={href}>{label}</Link>
                <Icon name="chevron" size={12} />
              </span>
            ))}
          </nav>
        )}
        <h1 className={classes.title}>{title}</h1>
        {badge}
      </div>
      <div className={classes.actions}>{children}</div>
    </div>
  );
}

/** A part of a page under a heading of its own. */
export function Section({ title, actions, children }: { title: string; actions?: ReactNode; children: ReactNode }) {
  return (
    <section className={classes.section} aria-label={title}>
      <div className={classes.sectionHeader}>
        <h2 className={classes.sectionTitle}>{title}</h2>
        {actions}
      </div>
      {children}
    </section>
  );
}

/** Names and values in columns; as many as there is room for. */
export function KeyValue({ items }: { items: readonly (readonly [name: string, value: ReactNode])[] }) {
  return (
    <dl className={classes.keyValue}>
      {items.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
