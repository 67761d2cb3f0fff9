import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Sight } from "../../../../src/resources/deploy/target/look.js";
import { factsOf } from "../../../../src/resources/deploy/target/node-facts.js";
import {
  capabilitiesOf,
  type Doubt,
  lost,
  reached,
  settle,
  type Verdict,
  waiting,
} from "../../../../src/resources/deploy/target/verdict.js";

const needed = { apps: "v1", batch: "v1", autoscaling: "v2", "networking.k8s.io": "v1" };

function sight(ready: readonly boolean[], changes: Partial<Sight> = {}): Sight {
  const nodes = ready.map((is, i) => {
    const conditions = [{ type: "Ready", status: is ? "True" : "False" }];
    return factsOf({ metadata: { name: `n${i}` }, status: { conditions } });
  });
  const seen = { nodes, isComplete: true };
  return { server: "https://x", kubernetesVersion: "1.33.5", groups: needed, nodes: seen, ...changes };
}

const verdict = fc.constantFrom<Verdict>(
  lost("away"),
  lost("elsewhere"),
  reached(sight([true])),
  reached(sight([true, false])),
  reached(sight([false])),
);
const verdicts = fc.array(verdict, { minLength: 1, maxLength: 40 });
const isLike = (one: Doubt, other: Doubt) => one.connection === other.connection && one.health === other.health;

/** What is shown after each look, of a target that was never looked at before. */
function shownAfter(looks: readonly Verdict[]): Verdict[] {
  let show = waiting("");
  let doubt: Doubt | undefined;
  return looks.map((seen) => {
    const next = settle(show, seen, doubt);
    ({ show } = next);
    doubt = next.doubt;
    return show;
  });
}

describe("what is shown of a target", () => {
  it("is the first look at once, and changes only when two looks in a row agree", () => {
    fc.assert(
      fc.property(verdicts, (looks) => {
        const shown = shownAfter(looks);
        expect(shown[0]).toEqual(looks[0]);
        for (let at = 1; at < looks.length; at++) {
          const [before, after, seen, earlier] = [shown[at - 1]!, shown[at]!, looks[at]!, looks[at - 1]!];
          if (!isLike(before, after)) expect(isLike(seen, earlier)).toBe(true);
          if (isLike(seen, earlier) || isLike(seen, before)) expect(after).toEqual(seen);
        }
      }),
    );
  });

  it("is lost only with an unknown health, and connected only without words", () => {
    fc.assert(
      fc.property(verdicts, (looks) => {
        for (const { connection, connectionMessage, health } of shownAfter(looks)) {
          if (connection === "disconnected") expect(health).toBe("unknown");
          expect(connectionMessage === "").toBe(connection === "connected");
        }
      }),
    );
  });

  it("is its health by its nodes and groups, with words unless it is healthy", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 10 }), (ready) => {
        const { health, healthMessage } = reached(sight(ready));
        const some = ready.includes(true);
        expect(health).toBe(some ? (ready.includes(false) ? "degraded" : "healthy") : "unhealthy");
        expect(healthMessage === "").toBe(health === "healthy");
        expect(healthMessage.length).toBeLessThan(200);
      }),
    );
    expect(reached(sight([true], { groups: { apps: "v1", batch: "v1" } }))).toMatchObject({
      health: "degraded",
      healthMessage: expect.stringContaining("autoscaling, networking.k8s.io"),
    });
    const { nodes } = sight([true]);
    const partial = { nodes: nodes?.nodes ?? [], isComplete: false };
    expect(reached(sight([], { nodes: partial })).health).toBe("unknown");
    expect(reached(sight([], { nodes: undefined })).health).toBe("unknown");
  });

  it("is what it can do: Kubernetes and what is not part of it", () => {
    const groups = {
      ...needed,
      "rbac.authorization.k8s.io": "v1",
      "cert-manager.io": "v1",
      "metrics.k8s.io": "v1beta1",
    };
    expect(capabilitiesOf(sight([], { groups }))).toEqual({
      kubernetes: "1.33.5",
      "cert-manager.io": "v1",
      "metrics.k8s.io": "v1beta1",
    });
  });
});

it("a node has facts of bounded size, whatever it is", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.anything()), fc.anything(), fc.anything(), (node, metadata, status) => {
      const facts = factsOf({ ...node, metadata, status });
      expect(JSON.stringify(facts).length).toBeLessThan(600_000);
      expect(typeof facts.ready).toBe("boolean");
    }),
  );
});
