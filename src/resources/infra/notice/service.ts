import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import {
  NoticeService,
  type NoticeServicePostRequest,
  type NoticeServiceReplyRequest,
  type NoticeServiceResolveRequest,
} from "../../../../gen/ts/infra/v1/notice_pb.js";
import { callerOf } from "../../../caller.js";
import type { Database } from "../../../db/database.js";
import { DomainError, invalidField } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { noticeKind, noticeMessage } from "./messages.js";
import { type NoticeRow, type NoticeView, noticeStore } from "./store.js";

/** infra.v1.NoticeService: what operators tell everybody. */
export function registerNotice(router: ConnectRouter, platform: Platform): void {
  router.service(NoticeService, {
    post: async (request, context) => ({ message: noticeMessage(await post(platform, request, context)) }),
    reply: async (request, context) => ({ message: noticeMessage(await reply(platform, request, context)) }),
    resolve: async (request, context) => ({ message: noticeMessage(await resolve(platform, request, context)) }),
    async pin({ id, pinned }) {
      if (!(await noticeStore.pin(platform.db, id, pinned))) throw missing(id);
      return { message: noticeMessage(await found(platform.db, id)) };
    },
    delete: async ({ id }) => ({ message: noticeMessage(await remove(platform, id)) }),
  });
}

async function post(
  { db, newId, clock }: Platform,
  { text, kind: wanted, pinned }: NoticeServicePostRequest,
  context: HandlerContext,
): Promise<NoticeView> {
  const kind = noticeKind(wanted);
  if (kind === undefined) throw invalidField("kind", "a message is an info, an incident or a change");
  const id = newId();
  await noticeStore.insert(db, { id, text, kind, pinned, createdBy: callerOf(context).user, createdAt: clock() });
  return await found(db, id);
}

async function reply(
  platform: Platform,
  request: NoticeServiceReplyRequest,
  context: HandlerContext,
): Promise<NoticeView> {
  return await platform.db.transaction(async (tx) => {
    await locked(tx, request.id);
    return await addReply(platform, tx, { ...request, kind: "update", by: callerOf(context).user });
  });
}

async function resolve(
  platform: Platform,
  request: NoticeServiceResolveRequest,
  context: HandlerContext,
): Promise<NoticeView> {
  const { id } = request;
  return await platform.db.transaction(async (tx) => {
    const { kind } = await locked(tx, id);
    if (kind === "info") throw new DomainError("precondition", `message ${id} is an info: there is nothing to resolve`);
    if (!(await noticeStore.resolve(tx, id, platform.clock()))) {
      throw new DomainError("precondition", `message ${id} is resolved already`);
    }
    return await addReply(platform, tx, { ...request, kind: "resolved", by: callerOf(context).user });
  });
}

async function addReply(
  { newId, clock }: Platform,
  tx: Database,
  reply: {
    readonly id: string;
    readonly text: string;
    readonly kind: "update" | "resolved";
    readonly by: string;
  },
): Promise<NoticeView> {
  const { id: notice, text, kind, by: createdBy } = reply;
  await noticeStore.addReply(tx, { id: newId(), notice, text, kind, createdBy, createdAt: clock() });
  return await found(tx, notice);
}

async function remove({ db }: Platform, id: string): Promise<NoticeView> {
  return await db.transaction(async (tx) => {
    await locked(tx, id);
    const notice = await found(tx, id);
    await noticeStore.delete(tx, id);
    return notice;
  });
}

async function locked(tx: Database, id: string): Promise<NoticeRow> {
  const row = await noticeStore.lock(tx, id);
  if (row === undefined) throw missing(id);
  return row;
}

async function found(db: Database, id: string): Promise<NoticeView> {
  const notice = await noticeStore.get(db, id);
  if (notice === undefined) throw missing(id);
  return notice;
}

const missing = (id: string): DomainError => new DomainError("missing", `message ${id} does not exist`);
