import { Loader } from "@mantine/core";
import { useEffect, useState } from "react";
import classes from "./frame.module.css";

/** Before it is known who is there. What takes a moment only shows nothing. */
export function Starting() {
  const [slow, setSlow] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setSlow(true), 400);
    return () => clearTimeout(timer);
  }, []);
  return (
    <main className={classes.starting} aria-busy="true">
      <h1 className={classes.hidden}>Slipway</h1>
      {slow && <Loader size="sm" aria-label="Loading" />}
    </main>
  );
}
