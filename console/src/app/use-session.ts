import { useSyncExternalStore } from "react";
import { reach } from "./reach.js";
import { type SessionState, session } from "./session.js";

/** Where the session stands, and drawn anew when it changes. */
export function useSession(): SessionState {
  return useSyncExternalStore(session.subscribe, session.state);
}

/** Whether the server is away at present. */
export function useAway(): boolean {
  return useSyncExternalStore(reach.subscribe, reach.away);
}
