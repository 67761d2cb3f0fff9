import { Button } from "@mantine/core";
import { type ReactNode, Suspense } from "react";
import { Link } from "wouter";
import { ErrorBoundary } from "../../app/error-boundary.js";
import { ThemeToggle } from "../../app/header.js";
import mark from "../../app/mark.svg";
import { announceIn } from "../../kit/announce.js";
import classes from "./public-frame.module.css";

/** What is around a page for everybody, when nobody is signed in. */
export function PublicFrame({ children }: { children: ReactNode }) {
  return (
    <div className={classes.frame}>
      <header className={classes.header}>
        <span className={classes.brand}>
          <img src={mark} alt="" width={22} height={22} />
          Slipway
        </span>
        <span className={classes.end}>
          <ThemeToggle />
          <Button component={Link} href="/sign-in" variant="default">
            Sign in
          </Button>
        </span>
      </header>
      <main className={classes.main}>
        <ErrorBoundary>
          <Suspense fallback={<div className={classes.loading} aria-busy="true" />}>{children}</Suspense>
        </ErrorBoundary>
      </main>
      <div ref={announceIn} className={classes.hidden} role="status" aria-live="polite" />
    </div>
  );
}
