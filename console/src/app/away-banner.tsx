import { Button } from "@mantine/core";
import { Icon } from "../kit/icons.js";
import classes from "./frame.module.css";
import { reach } from "./reach.js";
import { useAway } from "./use-session.js";

/** Tells that the server is away, over the page and without moving it. */
export function AwayBanner() {
  const away = useAway();
  return (
    <div role="status" className={classes.awayPlace}>
      {away && (
        <div className={classes.away}>
          <Icon name="alert" />
          <span>Slipway cannot be reached; trying again. Nothing that you typed is lost.</span>
          <Button size="compact-xs" variant="default" onClick={reach.tryNow}>
            Try now
          </Button>
        </div>
      )}
    </div>
  );
}
