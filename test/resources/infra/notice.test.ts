import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NoticeService } from "../../../gen/ts/infra/v1/notice_pb.js";
import { type Message, MessageKind, MessageService } from "../../../gen/ts/status/v1/message_pb.js";
import { messagesAt } from "../../../src/resources/status/message/service.js";
import { as, startPlatform, type TestPlatform } from "../../support/platform.js";
import { codeOf, refusal } from "../support/refusals.js";

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
});
afterAll(() => platform.close());

const notices = () => platform.client(NoticeService);
const admin = () => as(platform.adminToken);
const list = () => platform.client(MessageService).list({});
const post = async (text: string, kind = MessageKind.INCIDENT, pinned = false): Promise<Message> => {
  const { message } = await notices().post({ text, kind, pinned }, admin());
  if (message === undefined) throw new Error("the answer has no message");
  return message;
};
/** Servers learn of a change by the feed, the one that made it too. */
const listed = () => expect.poll(list, { timeout: 10_000 });

describe("notices", () => {
  it("are listed for everybody, the newest first, pinned ones apart [metalstack.status.v1.MessageService.List]", async () => {
    const old = await post("a new version comes on Monday", MessageKind.CHANGE);
    const info = await post("we have moved", MessageKind.INFO);
    const top = await post("the network is slow", MessageKind.INCIDENT, true);
    expect(old).toMatchObject({ text: "a new version comes on Monday", kind: MessageKind.CHANGE, replies: [] });
    expect(old.timestamp).toBeDefined();
    await listed().toMatchObject({ items: [info, old], pinnedItems: [top] });
    for (const { id } of [old, info, top]) await notices().delete({ id }, admin());
    await listed().toMatchObject({ items: [], pinnedItems: [] });
  });

  it("get replies in their order, and an end", async () => {
    const { id } = await post("volumes cannot be attached", MessageKind.INCIDENT, true);
    await notices().reply({ id, text: "we are looking into it" }, admin());
    await notices().reply({ id, text: "the cause is found" }, admin());
    const { message } = await notices().resolve({ id, text: "it works again" }, admin());
    expect(message?.replies.map(({ text, kind }) => [text, kind])).toEqual([
      ["we are looking into it", MessageKind.UPDATE],
      ["the cause is found", MessageKind.UPDATE],
      ["it works again", MessageKind.RESOLVED],
    ]);
    expect(await refusal(notices().resolve({ id, text: "again" }, admin()))).toMatchObject({
      code: "FailedPrecondition",
      message: expect.stringContaining("resolved already"),
    });
    await notices().reply({ id, text: "a report follows" }, admin());
    await listed().toMatchObject({
      pinnedItems: [],
      items: [{ id, replies: [{}, {}, {}, { kind: MessageKind.UPDATE }] }],
    });
    const deleted = await notices().delete({ id }, admin());
    expect(deleted.message).toMatchObject({ id, replies: [{}, {}, {}, {}] });
    await listed().toMatchObject({ items: [] });
  });

  it("are resolved once, however many try", async () => {
    const { id } = await post("it is broken");
    const tries = Array.from({ length: 8 }, (_, index) => codeOf(notices().resolve({ id, text: `${index}` }, admin())));
    expect((await Promise.all(tries)).sort()).toEqual([...Array(7).fill("FailedPrecondition"), "OK"]);
    await listed().toMatchObject({ items: [{ id, replies: [{ kind: MessageKind.RESOLVED }] }] });
    await notices().delete({ id }, admin());
  });

  it("are pinned and taken off", async () => {
    const { id } = await post("maintenance tonight", MessageKind.CHANGE);
    for (const pinned of [true, true, false]) {
      expect((await notices().pin({ id, pinned }, admin())).message?.id).toBe(id);
      await listed().toMatchObject(
        pinned ? { items: [], pinnedItems: [{ id }] } : { items: [{ id }], pinnedItems: [] },
      );
    }
    await notices().delete({ id }, admin());
  });

  it("that are an info have nothing to resolve", async () => {
    const { id } = await post("we have moved", MessageKind.INFO);
    expect(await codeOf(notices().resolve({ id, text: "done" }, admin()))).toBe("FailedPrecondition");
    expect((await notices().delete({ id }, admin())).message?.replies).toEqual([]);
  });

  it("that do not exist are not found", async () => {
    const id = crypto.randomUUID();
    const calls = [
      notices().reply({ id, text: "x" }, admin()),
      notices().resolve({ id, text: "x" }, admin()),
      notices().pin({ id, pinned: true }, admin()),
      notices().delete({ id }, admin()),
    ];
    expect(await Promise.all(calls.map(codeOf))).toEqual(Array(4).fill("NotFound"));
  });

  it("say something, and what it is", async () => {
    for (const [field, request] of [
      ["text", { text: "", kind: MessageKind.INFO }],
      ["text", { text: "x".repeat(4_001), kind: MessageKind.INFO }],
      ["kind", { text: "x", kind: MessageKind.RESOLVED }],
      ["kind", { text: "x" }],
    ] as const) {
      expect(await refusal(notices().post(request, admin()))).toMatchObject({
        code: "InvalidArgument",
        fields: [field],
      });
    }
  });

  it("are written by admin editors alone", async () => {
    const viewer = await platform.token({ owner: "root", projectRoles: {}, tenantRoles: {}, adminRole: "viewer" });
    for (const token of [viewer, platform.tokens.owner]) {
      expect(await codeOf(notices().post({ text: "x", kind: MessageKind.INFO }, as(token)))).toBe("PermissionDenied");
    }
    expect(await codeOf(notices().post({ text: "x", kind: MessageKind.INFO }))).toBe("Unauthenticated");
    expect(await list()).toMatchObject({ items: [], pinnedItems: [] });
  });
});

it("messages go after 90 days, pinned ones stay", () => {
  const createdAt = new Date("2030-01-01T00:00:00Z");
  const notice = { text: "x", kind: "info", createdBy: "root", resolvedAt: null, createdAt, replies: [] } as const;
  const all = [
    { ...notice, id: "stays", pinned: true },
    { ...notice, id: "goes", pinned: false },
  ];
  const at = (text: string) => messagesAt(all, new Date(text));
  expect(at("2030-03-31T23:59:59Z")).toMatchObject({
    value: { items: [{ id: "goes" }], pinnedItems: [{ id: "stays" }] },
  });
  const { until, value } = at("2030-04-01T00:00:00Z");
  expect(value).toMatchObject({ items: [], pinnedItems: [{ id: "stays" }] });
  expect(until).toBeUndefined();
  expect(at("2030-01-02T00:00:00Z").until).toEqual(new Date("2030-04-01T00:00:00Z"));
});
