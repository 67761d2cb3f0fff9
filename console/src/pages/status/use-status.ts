import { useState } from "react";
import { MessageService, type MessageServiceWatchResponse } from "../../../../gen/ts/status/v1/message_pb.js";
import { StatusService, type StatusServiceWatchResponse } from "../../../../gen/ts/status/v1/status_pb.js";
import { slipway } from "../../app/api.js";
import { announce } from "../../kit/announce.js";
import { useWatch } from "../../kit/use-watch.js";
import { overallText } from "./words.js";

const statusClient = slipway.client(StatusService);
const messageClient = slipway.client(MessageService);

/** The state of the platform, from moment to moment. Each answer of the streams is the whole state. */
export function useStatus() {
  const [status, setStatus] = useState<StatusServiceWatchResponse>();
  const [messages, setMessages] = useState<MessageServiceWatchResponse>();
  const statusWatch = useWatch<StatusServiceWatchResponse>(
    "status",
    (_token, signal) => statusClient.watch({}, { signal }),
    (answers) => {
      const last = answers.at(-1);
      if (last === undefined) return;
      if (status !== undefined && last.overallStatus !== status.overallStatus)
        announce(overallText(last.overallStatus));
      setStatus(last);
    },
  );
  const messageWatch = useWatch<MessageServiceWatchResponse>(
    "messages",
    (_token, signal) => messageClient.watch({}, { signal }),
    (answers) => setMessages((before) => answers.at(-1) ?? before),
  );
  return { status, messages, watch: statusWatch.state === "live" ? messageWatch : statusWatch };
}
