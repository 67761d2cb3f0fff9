import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { MessageKind, type MessageSchema } from "../../../../gen/ts/status/v1/message_pb.js";
import type { NoticeReplyRow, NoticeRow, NoticeView } from "./store.js";

const kinds = {
  info: MessageKind.INFO,
  incident: MessageKind.INCIDENT,
  change: MessageKind.CHANGE,
  update: MessageKind.UPDATE,
  resolved: MessageKind.RESOLVED,
} as const satisfies Record<NoticeRow["kind"] | NoticeReplyRow["kind"], MessageKind>;

/** A notice as everybody sees it: who wrote it stays inside. */
export function noticeMessage(notice: NoticeView): MessageInitShape<typeof MessageSchema> {
  return { ...wordsOf(notice), replies: notice.replies.map(wordsOf) };
}

const wordsOf = ({ id, text, kind, createdAt }: NoticeRow | NoticeReplyRow) => ({
  id,
  text,
  kind: kinds[kind],
  timestamp: timestampFromDate(createdAt),
});

/** What a notice may be about; undefined for the kinds of replies. */
export function noticeKind(kind: MessageKind): NoticeRow["kind"] | undefined {
  return (["info", "incident", "change"] as const).find((name) => kinds[name] === kind);
}
