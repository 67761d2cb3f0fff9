import { Link, useLocation } from "wouter";
import { Icon } from "../kit/icons.js";
import { routes } from "../routes.js";
import classes from "./frame.module.css";

/** The address of a page in a project. */
export function pathIn(path: string, project: string): string {
  return path.replace(":project", project);
}

/** The pages, by what they are about. */
export function Navigation({ project }: { project: string | undefined }) {
  const [here] = useLocation();
  const groups = [...new Set(routes.flatMap(({ nav }) => (nav === undefined ? [] : [nav.group])))];
  return groups.map((group) => (
    <div key={group} className={classes.navGroup}>
      <div className={classes.navTitle} id={`nav-${group}`}>
        {group}
      </div>
      <ul aria-labelledby={`nav-${group}`}>
        {routes.map(({ path, nav, load }) => {
          if (nav?.group !== group || (path.includes(":project") && project === undefined)) return null;
          const href = pathIn(path, project ?? "");
          const isHere = here === href || here.startsWith(`${href}/`);
          // The page is there before the click is.
          const ahead = () => void load().catch(() => undefined);
          return (
            <li key={path}>
              <Link
                href={href}
                className={classes.navLink}
                aria-current={isHere ? "page" : undefined}
                onMouseEnter={ahead}
                onFocus={ahead}
              >
                <Icon name={nav.icon} />
                {nav.label}
              </Link>
            </li>
          );
        })}
      </ul>
    </div>
  ));
}
