import { create, equals } from "@bufbuild/protobuf";
import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import {
  MessageService,
  type MessageServiceWatchRequest,
  type MessageServiceWatchResponse,
  MessageServiceWatchResponseSchema,
} from "../../../../gen/ts/status/v1/message_pb.js";
import type { Platform } from "../../../platform.js";
import { noticeMessage } from "../../infra/notice/messages.js";
import { type NoticeView, noticeStore } from "../../infra/notice/store.js";
import { type Board, createBoard } from "../board.js";

/** How many messages are shown, the pinned ones not counted, and for how long. */
const limit = 100;
const shownMs = 90 * 24 * 3_600_000;

/** status.v1.MessageService: what operators told everybody; answered from memory. */
export function registerMessage(router: ConnectRouter, platform: Platform): void {
  const board = messageBoard(platform);
  router.service(MessageService, {
    async list() {
      const { items, pinnedItems } = await board.present();
      return { items, pinnedItems };
    },
    // All readers get the same message object, so that it is encoded once for all of them.
    watch: (_: MessageServiceWatchRequest, { signal }: HandlerContext) => board.follow(signal),
  });
}

function messageBoard({ db, feed, clock, log }: Platform): Board<MessageServiceWatchResponse> {
  return createBoard({
    feed,
    clock,
    log,
    topic: "notice",
    load: () => noticeStore.present(db, new Date(clock().getTime() - shownMs), limit),
    view: ({ loaded, now }) => messagesAt(loaded, now),
    same: (one, other) => equals(MessageServiceWatchResponseSchema, one, other),
  });
}

/** What is shown at a time: a pinned message stays, others go after 90 days. */
export function messagesAt(notices: readonly NoticeView[], now: Date) {
  const endOf = ({ createdAt }: NoticeView): number => createdAt.getTime() + shownMs;
  const items = notices.filter((notice) => !notice.pinned && endOf(notice) > now.getTime());
  const pinnedItems = notices.filter(({ pinned }) => pinned);
  const soonest = Math.min(...items.map(endOf));
  return {
    value: create(MessageServiceWatchResponseSchema, {
      items: items.map(noticeMessage),
      pinnedItems: pinnedItems.map(noticeMessage),
    }),
    until: Number.isFinite(soonest) ? new Date(soonest) : undefined,
  };
}
