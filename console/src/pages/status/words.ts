import { Service, ServiceStatus } from "../../../../gen/ts/api/v1/health_pb.js";
import { MessageKind } from "../../../../gen/ts/status/v1/message_pb.js";
import type { IconName } from "../../kit/icons.js";
import type { Tone } from "../../kit/status-badge.js";

/** What a state means, in a word and a color. */
export interface Words {
  readonly text: string;
  readonly tone: Tone;
  readonly icon?: IconName;
}

/** How well a service works. */
export function statusWords(status: ServiceStatus | undefined): Words {
  switch (status) {
    case ServiceStatus.HEALTHY:
      return { text: "Works", tone: "good" };
    case ServiceStatus.DEGRADED:
      return { text: "Works in part", tone: "warn" };
    case ServiceStatus.UNHEALTHY:
      return { text: "Hardly works", tone: "bad" };
    default:
      return { text: "Not known", tone: "quiet" };
  }
}

/** What is said of the platform as a whole. */
export function overallText(status: ServiceStatus | undefined): string {
  switch (status) {
    case ServiceStatus.HEALTHY:
      return "All services work";
    case ServiceStatus.DEGRADED:
      return "Some things fail or take longer";
    case ServiceStatus.UNHEALTHY:
      return "Something hardly works";
    default:
      return "The state is not known yet";
  }
}

const services: Readonly<Record<number, string>> = {
  [Service.CLUSTER]: "Kubernetes clusters",
  [Service.VOLUME]: "Volumes and snapshots",
  [Service.MACHINES]: "Machines of the workers",
};

/** The name of a service for people. */
export function serviceText(service: Service): string {
  return services[service] ?? "Another service";
}

/** What a message is about. */
export function kindWords(kind: MessageKind): Words {
  switch (kind) {
    case MessageKind.INCIDENT:
      return { text: "Incident", tone: "bad", icon: "alert" };
    case MessageKind.CHANGE:
      return { text: "Change", tone: "busy", icon: "wrench" };
    case MessageKind.RESOLVED:
      return { text: "Resolved", tone: "good" };
    case MessageKind.UPDATE:
      return { text: "Update", tone: "quiet", icon: "clock" };
    default:
      return { text: "News", tone: "quiet", icon: "eye" };
  }
}
