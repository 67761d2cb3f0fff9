import type { DescService } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import { AuditService as AdminAuditService } from "../gen/ts/admin/v1/audit_pb.js";
import { ClusterService as AdminClusterService } from "../gen/ts/admin/v1/cluster_pb.js";
import { PaymentService as AdminPaymentService } from "../gen/ts/admin/v1/payment_pb.js";
import { ProjectService as AdminProjectService } from "../gen/ts/admin/v1/project_pb.js";
import { StorageService } from "../gen/ts/admin/v1/storage_pb.js";
import { TenantService as AdminTenantService } from "../gen/ts/admin/v1/tenant_pb.js";
import { TokenService as AdminTokenService } from "../gen/ts/admin/v1/token_pb.js";
import { AssetService } from "../gen/ts/api/v1/assets_pb.js";
import { AuditService } from "../gen/ts/api/v1/audit_pb.js";
import { ClusterService } from "../gen/ts/api/v1/cluster_pb.js";
import { HealthService } from "../gen/ts/api/v1/health_pb.js";
import { IPService } from "../gen/ts/api/v1/ip_pb.js";
import { MethodService } from "../gen/ts/api/v1/methods_pb.js";
import { PaymentService } from "../gen/ts/api/v1/payment_pb.js";
import { ProjectService } from "../gen/ts/api/v1/project_pb.js";
import { TenantService } from "../gen/ts/api/v1/tenant_pb.js";
import { TokenService } from "../gen/ts/api/v1/token_pb.js";
import { UserService } from "../gen/ts/api/v1/user_pb.js";
import { VersionService } from "../gen/ts/api/v1/version_pb.js";
import { SnapshotService, VolumeService } from "../gen/ts/api/v1/volume_pb.js";
import { MessageService } from "../gen/ts/status/v1/message_pb.js";
import { StatusService } from "../gen/ts/status/v1/status_pb.js";
import type { Platform } from "./platform.js";
import { registerAssets } from "./resources/api/assets/service.js";
import { registerAdminCluster } from "./resources/api/cluster/admin-service.js";
import { clusterBackground } from "./resources/api/cluster/background.js";
import { registerCluster } from "./resources/api/cluster/service.js";
import { registerHealth } from "./resources/api/health/service.js";
import { registerMethods } from "./resources/api/methods/service.js";
import { registerProject } from "./resources/api/project/service.js";
import { registerTenant } from "./resources/api/tenant/service.js";
import { registerToken } from "./resources/api/token/service.js";
import { registerVersion } from "./resources/api/version/service.js";
import type { Background } from "./resources/background.js";

/** One service of the API. */
export interface Resource {
  readonly service: DescService;
  /** Adds the service's handlers; without it every method answers UNIMPLEMENTED. */
  readonly register?: (router: ConnectRouter, platform: Platform) => void;
}

/** Everything the server serves: one line each. */
export const resources: readonly Resource[] = [
  { service: AssetService, register: registerAssets },
  { service: AuditService },
  { service: ClusterService, register: registerCluster },
  { service: HealthService, register: registerHealth },
  { service: IPService },
  { service: MethodService, register: registerMethods },
  { service: PaymentService },
  { service: ProjectService, register: registerProject },
  { service: SnapshotService },
  { service: TenantService, register: registerTenant },
  { service: TokenService, register: registerToken },
  { service: UserService },
  { service: VersionService, register: registerVersion },
  { service: VolumeService },

  { service: AdminAuditService },
  { service: AdminClusterService, register: registerAdminCluster },
  { service: AdminPaymentService },
  { service: AdminProjectService },
  { service: AdminTenantService },
  { service: AdminTokenService },
  { service: StorageService },

  { service: MessageService },
  { service: StatusService },
];

/** What workers do for the resources. */
export const backgrounds: readonly ((platform: Platform) => Background)[] = [clusterBackground];
