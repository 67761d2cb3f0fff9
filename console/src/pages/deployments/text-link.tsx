import type { ReactNode } from "react";
import { Link } from "wouter";
import classes from "./text-link.module.css";

/** A link among words: underlined, so that color is not all that tells it from them. */
export function TextLink({ href, children }: { href: string; children: ReactNode }) {
  return (
    <Link href={href} className={classes.link}>
      {children}
    </Link>
  );
}
