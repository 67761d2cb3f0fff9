import { create, equals } from "@bufbuild/protobuf";
import { type Health, HealthSchema, type ServiceStatus } from "../../../../gen/ts/api/v1/health_pb.js";
import type { Platform } from "../../../platform.js";
import { type Board, createBoard } from "../../status/board.js";
import type { ProbeResult } from "./hysteresis.js";
import { healthMessage, statusMessage } from "./messages.js";
import { healthAt, type ServiceHealth, worst } from "./rules.js";
import { probeStore } from "./store.js";

/** The health of the platform as this process knows it. */
export interface PlatformHealth {
  /** While the process has lost sight of the platform: the last known state. */
  readonly health: Health;
  /** The worst of its states. */
  readonly overall: ServiceStatus;
  /** Whether the process has lost its database, and with it the sight of the platform. */
  readonly broken: boolean;
}

const boards = new WeakMap<Platform, Board<PlatformHealth>>();

/** The one board of a process: whoever shows health reads it. */
export function healthBoard(platform: Platform): Board<PlatformHealth> {
  const board = boards.get(platform) ?? openBoard(platform);
  boards.set(platform, board);
  return board;
}

function openBoard({ db, assets, feed, clock, log }: Platform): Board<PlatformHealth> {
  return createBoard({
    feed,
    clock,
    log,
    topic: "probe",
    load: () => probeStore.list(db),
    view({ loaded, now, broken }) {
      // Without news time must not change what was seen last.
      const { services, until } = healthAt(loaded, assets.partitions, broken ? feed.status().lastReadAt : now);
      const overall = statusMessage(worst(services.map(({ status }) => status)));
      const health = create(HealthSchema, healthMessage(services));
      return { value: { health, overall, broken }, until: broken ? undefined : until };
    },
    same: (one, other) => one.broken === other.broken && equals(HealthSchema, one.health, other.health),
  });
}

const lost: ProbeResult = { status: "unhealthy", message: "the platform cannot reach its database" };

/** The same services when nothing works. */
export function lostHealth(partitions: readonly string[]): Health {
  const everywhere = Object.fromEntries(partitions.map((id) => [id, lost]));
  const names: readonly ServiceHealth["service"][] = ["cluster", "volume", "machines"];
  return create(HealthSchema, healthMessage(names.map((service) => ({ service, ...lost, partitions: everywhere }))));
}
