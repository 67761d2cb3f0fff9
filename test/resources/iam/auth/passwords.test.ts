import type { Message } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { AuthService } from "../../../../gen/ts/iam/v1/auth_pb.js";
import { digestOf, newSecret } from "../../../../src/auth/secrets.js";
import type { DomainError } from "../../../../src/errors.js";
import { takeTurns } from "../../../../src/in-turn.js";
import { ensurePersonalTenant } from "../../../../src/resources/api/tenant/personal.js";
import { passwordStore, waitAfter } from "../../../../src/resources/iam/auth/password-store.js";
import { createPasswords } from "../../../../src/resources/iam/auth/passwords.js";
import { createStrangers } from "../../../../src/resources/iam/auth/strangers.js";
import { passwordResets } from "../../../../src/resources/iam/principal/table.js";
import { RetryInfoSchema } from "../../../../src/rpc/error-details.js";
import { as, startPlatform, type TestPlatform } from "../../../support/platform.js";
import { codeOf, refusal } from "../../support/refusals.js";

const password = "correct horse battery";
let site: TestPlatform;
let user: string;
let count = 0;
beforeAll(async () => {
  site = await startPlatform({ background: false, env: { SLIPWAY_PASSWORD_SIGN_IN: "on" } });
});
afterAll(() => site.close());
beforeEach(async () => {
  count += 1;
  user = await newUser(`user-${count}`);
});

const auth = () => site.client(AuthService);
const signIn = (given: string, username = user) =>
  auth().exchangeToken({ grant: { case: "password", value: { username, password: given } } });
const change = (current: string, newPassword: string, username = user) =>
  auth().setPassword({ username, proof: { case: "currentPassword", value: current }, newPassword });
const reset = (code: string, newPassword: string, username = user) =>
  auth().setPassword({ username, proof: { case: "resetCode", value: code }, newPassword });
const query = async (text: string, values: unknown[] = []) =>
  (await site.database.server.pool.query(text, values)).rows;
const holds = (token: string): Promise<string> => codeOf(auth().whoAmI({}, as(token)));

async function newCode(principal = user, seconds = 3_600): Promise<string> {
  const { db, newId, clock } = site.platform;
  const { secret, digest } = newSecret("passwordReset", newId());
  await db.delete(passwordResets);
  const expiresAt = new Date(clock().getTime() + seconds * 1_000);
  await db.insert(passwordResets).values({ digest, principal, createdBy: "root", expiresAt });
  return secret;
}

/** A user who has the password of these tests. */
async function newUser(login: string): Promise<string> {
  const { db, clock, newId } = site.platform;
  await ensurePersonalTenant(db, login, { now: clock(), newId });
  await reset(await newCode(login), password, login);
  return login;
}

/** Guesses wrong so often, one after the other, as if each came after the wait. */
async function guessWrong(times: number): Promise<void> {
  for (let at = 0; at < times; at += 1) {
    await query("update passwords set locked_until = null where principal = $1", [user]);
    expect(await codeOf(signIn("wrong"))).toBe("Unauthenticated");
  }
}

describe("ExchangeToken with a password", () => {
  it("opens a session [tsuru.login] [deis.auth-login]", async () => {
    const answer = await signIn(password);
    expect(answer.principal?.id).toBe(user);
    expect(await holds(answer.accessToken)).toBe("OK");
    const { refreshToken } = answer;
    const next = await auth().exchangeToken({ grant: { case: "refreshToken", value: { refreshToken } } });
    expect(next.principal?.id).toBe(user);
  });

  it("refuses wrong passwords, unknown users and users without a password in the same words", async () => {
    await site.platform.db.transaction(async (tx) => {
      await ensurePersonalTenant(tx, "passwordless", { now: new Date(), newId: site.platform.newId });
    });
    const refusals = await Promise.all([
      refusal(signIn("wrong")),
      refusal(signIn(password, "nobody")),
      refusal(signIn(password, "passwordless")),
      refusal(signIn(password, user.toUpperCase())),
    ]);
    expect(refusals[0]?.code).toBe("Unauthenticated");
    expect(new Set(refusals.map(({ code, message }) => `${code} ${message}`)).size).toBe(1);
  });

  it("refuses a disabled user, and says so only to who knows the password", async () => {
    await query("update principals set enabled = false where id = $1", [user]);
    expect((await refusal(signIn(password))).message).toBe("this account is disabled");
    expect((await refusal(signIn("wrong"))).message).toContain("the proof of identity does not hold");
  });

  it("stores argon2id with the parameters of OWASP, and knows a password in any encoding", async () => {
    const code = await newCode();
    await reset(code, "pässword is composed");
    const [row] = await query("select digest from passwords where principal = $1", [user]);
    expect(row?.digest).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(await codeOf(signIn("pässword is composed".normalize("NFD")))).toBe("OK");
  });
});

describe("wrong guesses", () => {
  it("make the user wait after the fifth, twice as long after each further one", async () => {
    expect([4, 5, 6, 7, 14, 15, 1_000].map(waitAfter)).toEqual([0, 1, 2, 4, 512, 900, 900]);
    await guessWrong(4);
    expect(await codeOf(signIn(password))).toBe("OK");
    let at = new Date("2030-01-01T00:00:00Z");
    for (let failures = 1; failures <= 40; failures += 1) {
      expect((await passwordStore.guess(site.platform.db, user, at)).kind).toBe("open");
      const until = new Date(at.getTime() + waitAfter(failures) * 1_000);
      if (failures >= 5) {
        const tooSoon = new Date(until.getTime() - 1);
        expect(await passwordStore.guess(site.platform.db, user, tooSoon)).toEqual({ kind: "locked", until });
      }
      at = until;
    }
    await query("update passwords set failures = 100, locked_until = null where principal = $1", [user]);
    await guessWrong(1);
    const error = ConnectError.from(await signIn(password).catch((thrown: unknown) => thrown));
    const [retry] = error.findDetails(RetryInfoSchema) as (Message & { retryDelay?: { seconds: bigint } })[];
    expect(await codeOf(Promise.reject(error))).toBe("ResourceExhausted");
    expect(Number(retry?.retryDelay?.seconds)).toBeGreaterThan(800);
    expect(Number(retry?.retryDelay?.seconds)).toBeLessThanOrEqual(900);
  });

  it("are forgotten with the right one", async () => {
    await guessWrong(4);
    await signIn(password);
    expect(await query("select failures, locked_until from passwords where principal = $1", [user])).toEqual([
      { failures: 0, locked_until: null },
    ]);
  });

  it("are no cheaper at once: of many after the fifth only one is looked at", async () => {
    await query("update passwords set failures = 13 where principal = $1", [user]);
    const guesses = [...Array(10)].flatMap(() => [signIn("wrong"), change("wrong", "another password")]);
    const codes = await Promise.all(guesses.map((guess) => codeOf(guess)));
    expect(codes.filter((code) => code === "Unauthenticated")).toHaveLength(1);
    expect(codes.filter((code) => code === "ResourceExhausted")).toHaveLength(19);
    expect(await query("select failures from passwords where principal = $1", [user])).toEqual([{ failures: 14 }]);
  });

  it("of unknown users count alike, each name for itself", async () => {
    let now = new Date("2026-01-01T00:00:00Z");
    const strangers = createStrangers(() => now);
    const verdict = (name: string): number | undefined => {
      try {
        strangers.guess(name);
        return undefined;
      } catch (error) {
        return (error as DomainError).retryAfterMs;
      }
    };
    expect([1, 2, 3, 4, 5, 6].map(() => verdict("nobody"))).toEqual([...Array(5), 1_000]);
    expect(verdict("somebody else")).toBe(undefined);
    now = new Date(now.getTime() + 1_000);
    expect([verdict("nobody"), verdict("nobody")]).toEqual([undefined, 2_000]);
    const guess = () => codeOf(signIn("wrong", "stranger"));
    await expect.poll(guess, { interval: 1, timeout: 20_000 }).toBe("ResourceExhausted");
  });
});

describe("SetPassword", () => {
  it("takes the current password and ends the sessions [tsuru.change-password]", async () => {
    const { accessToken, refreshToken } = await signIn(password);
    expect(await codeOf(change("wrong", "another password"))).toBe("Unauthenticated");
    await change(password, "another password");
    await expect.poll(() => holds(accessToken)).toBe("Unauthenticated");
    const grant = { case: "refreshToken", value: { refreshToken } } as const;
    expect(await codeOf(auth().exchangeToken({ grant }))).toBe("Unauthenticated");
    expect(await codeOf(signIn(password))).toBe("Unauthenticated");
    expect(await codeOf(signIn("another password"))).toBe("OK");
  });

  it("takes a reset code once, of that user, in time [tsuru.reset-password]", async () => {
    const other = await newUser(`${user}-other`);
    const code = await newCode();
    expect(await codeOf(reset(code, "another password", other))).toBe("Unauthenticated");
    expect(await codeOf(reset("nonsense", "another password"))).toBe("Unauthenticated");
    expect(await codeOf(reset(newSecret("passwordReset", site.platform.newId()).secret, "another password"))).toBe(
      "Unauthenticated",
    );
    await guessWrong(6);
    await reset(code, "another password");
    expect(await codeOf(signIn("another password"))).toBe("OK");
    expect(await codeOf(reset(code, "a third password"))).toBe("Unauthenticated");
    expect(await codeOf(reset(await newCode(user, -1), "a third password"))).toBe("Unauthenticated");
  });

  it("lets one of two win who use a code at once", async () => {
    const code = await newCode();
    const codes = await Promise.all(
      ["one of two passwords", "two of two passwords"].map((next) => codeOf(reset(code, next))),
    );
    expect(codes.sort()).toEqual(["OK", "Unauthenticated"]);
  });

  it("refuses a password that is short, or the user's name", async () => {
    const login = await newUser("a-long-enough-name@github");
    for (const weak of ["a-long-enough-name", "A-Long-Enough-Name@github"]) {
      expect(await refusal(reset(await newCode(login), weak, login))).toMatchObject({
        code: "InvalidArgument",
        fields: ["new_password"],
      });
    }
    expect(await codeOf(reset(await newCode(), "too short"))).toBe("InvalidArgument");
  });

  it("leaves no session of somebody who proved the old password meanwhile", async () => {
    const { db } = site.platform;
    const [row] = await query("select digest from passwords where principal = $1", [user]);
    expect(await db.transaction((tx) => passwordStore.holds(tx, user, row?.digest))).toBe(true);
    await change(password, "another password");
    expect(await db.transaction((tx) => passwordStore.holds(tx, user, row?.digest))).toBe(false);
  });
});

describe("the gate of costly work", () => {
  it("lets so many in at a time, so many wait, and sends the rest away", async () => {
    const gate = takeTurns({ running: 2, waiting: 3 });
    const ends: (() => void)[] = [];
    const work = () => new Promise<void>((resolve) => ends.push(resolve));
    const calls = Array.from({ length: 7 }, () =>
      gate(work).then(
        () => "done",
        (error) => error.kind,
      ),
    );
    await expect.poll(() => ends.length).toBe(2);
    expect(await Promise.all(calls.slice(5))).toEqual(["exhausted", "exhausted"]);
    for (const waiting of [3, 2, 1, 0]) {
      expect(ends).toHaveLength(2);
      ends.shift()?.();
      if (waiting > 0) await expect.poll(() => ends.length).toBe(2);
    }
    ends.shift()?.();
    expect(await Promise.all(calls)).toEqual(["done", "done", "done", "done", "done", "exhausted", "exhausted"]);
  });

  it("goes on after work that failed", async () => {
    const gate = takeTurns({ running: 1, waiting: 0 });
    await expect(gate(() => Promise.reject(new Error("failed")))).rejects.toThrow("failed");
    expect(await gate(async () => "next")).toBe("next");
  });

  it("answers RESOURCE_EXHAUSTED to who comes while it is full, and the guess is not counted", async () => {
    const full = createPasswords(site.platform, takeTurns({ running: 0, waiting: 0 }));
    const guess = full.exchange({ username: user, password: "wrong" } as never, "refreshToken");
    await expect(guess).rejects.toMatchObject({ kind: "exhausted", retryAfterMs: 1_000 });
    expect(await query("select failures from passwords where principal = $1", [user])).toEqual([{ failures: 0 }]);
  });
});

it("neither passwords nor codes are in the log", async () => {
  const code = await newCode();
  await reset(code, "another secret word");
  await signIn("another secret word");
  const log = JSON.stringify(site.lines);
  for (const secret of [code, digestOf(code), "another secret word", password]) expect(log).not.toContain(secret);
});
