import { Button } from "@mantine/core";
import { Component, type ReactNode } from "react";
import { Page, PageHeader } from "../kit/page.js";
import { Problem } from "../kit/problem.js";

/** Shows what broke a page instead of nothing. React asks for a class here. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { error?: unknown }> {
  override state: { error?: unknown } = {};

  static getDerivedStateFromError(error: unknown): { error: unknown } {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === undefined) return this.props.children;
    // A page that a newer console has replaced cannot be loaded any more.
    const isStale = error instanceof TypeError && /import|module/i.test(error.message);
    return (
      <Page>
        <PageHeader title={isStale ? "There is a newer console" : "This page has failed"} />
        {isStale ? <p>Load it to go on. What you typed is kept.</p> : <Problem error={error} what="What happened" />}
        <div>
          <Button onClick={() => location.reload()}>Load again</Button>
        </div>
      </Page>
    );
  }
}
