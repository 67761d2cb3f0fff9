import { Button } from "@mantine/core";
import { Component, type ReactNode } from "react";
import { Page, PageHeader } from "../kit/page.js";
import { Problem } from "../kit/problem.js";

interface Props {
  readonly children: ReactNode;
  /** With another place it is tried again. */
  readonly place?: string;
}

interface State {
  readonly error?: unknown;
  readonly place?: string | undefined;
}

/** Shows what broke a page instead of nothing. React asks for a class here. */
export class ErrorBoundary extends Component<Props, State> {
  override state: State = {};

  static getDerivedStateFromError(error: unknown): State {
    return { error };
  }

  static getDerivedStateFromProps({ place }: Props, state: State): State | null {
    return place === state.place ? null : { place, error: undefined };
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
