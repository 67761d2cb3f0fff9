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
import { BudgetService } from "../gen/ts/billing/v1/budget_pb.js";
import { InvoiceService, ReceivableService } from "../gen/ts/billing/v1/invoice_pb.js";
import { CouponService, DiscountService, PaymentMethodService } from "../gen/ts/billing/v1/offer_pb.js";
import { UsageService } from "../gen/ts/billing/v1/usage_pb.js";
import { ConfigService } from "../gen/ts/deploy/v1/config_pb.js";
import { DeploymentService } from "../gen/ts/deploy/v1/deployment_pb.js";
import { EnvironmentService } from "../gen/ts/deploy/v1/environment_pb.js";
import { NamespaceService } from "../gen/ts/deploy/v1/namespace_pb.js";
import { QuotaService } from "../gen/ts/deploy/v1/quota_pb.js";
import { ReleaseService } from "../gen/ts/deploy/v1/release_pb.js";
import { RouteService } from "../gen/ts/deploy/v1/route_pb.js";
import { RuntimeService } from "../gen/ts/deploy/v1/runtime_pb.js";
import { SecretService } from "../gen/ts/deploy/v1/secret_pb.js";
import { SettingsService } from "../gen/ts/deploy/v1/settings_pb.js";
import { TargetService } from "../gen/ts/deploy/v1/target_pb.js";
import { TaskService } from "../gen/ts/deploy/v1/task_pb.js";
import { VolumeClaimService } from "../gen/ts/deploy/v1/volume_claim_pb.js";
import { AccessService } from "../gen/ts/iam/v1/access_pb.js";
import { AuthService } from "../gen/ts/iam/v1/auth_pb.js";
import { CredentialService } from "../gen/ts/iam/v1/credential_pb.js";
import { PrincipalService } from "../gen/ts/iam/v1/principal_pb.js";
import { AddressPoolService } from "../gen/ts/infra/v1/address_pool_pb.js";
import { NoticeService } from "../gen/ts/infra/v1/notice_pb.js";
import { MessageService } from "../gen/ts/status/v1/message_pb.js";
import { StatusService } from "../gen/ts/status/v1/status_pb.js";
import type { Platform } from "./platform.js";
import { registerAssets } from "./resources/api/assets/service.js";
import { registerAdminAudit } from "./resources/api/audit/admin-service.js";
import { auditBackground } from "./resources/api/audit/background.js";
import { registerAudit } from "./resources/api/audit/service.js";
import { registerAdminCluster } from "./resources/api/cluster/admin-service.js";
import { clusterBackground } from "./resources/api/cluster/background.js";
import { insideBackground } from "./resources/api/cluster/inside/background.js";
import type { InsideReader } from "./resources/api/cluster/inside/reader.js";
import { maintenanceBackground } from "./resources/api/cluster/maintenance/background.js";
import { registerCluster } from "./resources/api/cluster/service.js";
import { healthBackground } from "./resources/api/health/background.js";
import { registerHealth } from "./resources/api/health/service.js";
import { ipBackground } from "./resources/api/ip/jobs.js";
import { addressReader } from "./resources/api/ip/reader.js";
import { registerIp } from "./resources/api/ip/service.js";
import { registerMethods } from "./resources/api/methods/service.js";
import { registerAdminPayment } from "./resources/api/payment/admin-service.js";
import { paymentBackground } from "./resources/api/payment/background.js";
import { registerPayment } from "./resources/api/payment/service.js";
import { stripeBackground } from "./resources/api/payment/stripe/background.js";
import { registerAdminProject } from "./resources/api/project/admin-service.js";
import { registerProject } from "./resources/api/project/service.js";
import { registerAdminTenant } from "./resources/api/tenant/admin-service.js";
import { registerTenant } from "./resources/api/tenant/service.js";
import { registerAdminToken } from "./resources/api/token/admin-service.js";
import { tokenBackground } from "./resources/api/token/background.js";
import { registerToken } from "./resources/api/token/service.js";
import { registerUser } from "./resources/api/user/service.js";
import { registerVersion } from "./resources/api/version/service.js";
import { registerAdminStorage } from "./resources/api/volume/admin-service.js";
import { volumeReader } from "./resources/api/volume/reader.js";
import { registerSnapshot, registerVolume } from "./resources/api/volume/service.js";
import { statisticsBackground } from "./resources/api/volume/statistics-background.js";
import type { Background } from "./resources/background.js";
import { budgetBackground } from "./resources/billing/budget/jobs.js";
import { registerBudget } from "./resources/billing/budget/service.js";
import { invoiceBackground } from "./resources/billing/invoice/background.js";
import { registerReceivable } from "./resources/billing/invoice/receivable-service.js";
import { registerInvoice } from "./resources/billing/invoice/service.js";
import { registerCoupon } from "./resources/billing/offer/coupon-service.js";
import { registerDiscount } from "./resources/billing/offer/discount-service.js";
import { registerPaymentMethod } from "./resources/billing/offer/payment-method-service.js";
import { priceBackground } from "./resources/billing/price/background.js";
import { usageBackground } from "./resources/billing/usage/background.js";
import { registerUsage } from "./resources/billing/usage/service.js";
import { workerReader } from "./resources/billing/usage/worker-reader.js";
import { registerConfig } from "./resources/deploy/config/service.js";
import { deploymentBackground } from "./resources/deploy/deployment/background.js";
import { registerDeployment } from "./resources/deploy/deployment/service.js";
import { works } from "./resources/deploy/deployment/works/works.js";
import { registerEnvironment } from "./resources/deploy/environment/service.js";
import { namespaceBackground } from "./resources/deploy/namespace/background.js";
import { registerNamespace } from "./resources/deploy/namespace/service.js";
import { namespaceVisitor } from "./resources/deploy/namespace/visit.js";
import { registerQuota } from "./resources/deploy/quota/service.js";
import { registerRelease } from "./resources/deploy/release/service.js";
import { routeBackground } from "./resources/deploy/route/look.js";
import { registerRoute } from "./resources/deploy/route/service.js";
import { runtimeBackground } from "./resources/deploy/runtime/background.js";
import { registerRuntime } from "./resources/deploy/runtime/service.js";
import { registerSecret } from "./resources/deploy/secret/service.js";
import { registerSettings } from "./resources/deploy/settings/service.js";
import { targetBackground } from "./resources/deploy/target/background.js";
import { registerTarget } from "./resources/deploy/target/service.js";
import { registerTask } from "./resources/deploy/task/service.js";
import { volumeClaimBackground } from "./resources/deploy/volume-claim/background.js";
import { registerVolumeClaim } from "./resources/deploy/volume-claim/service.js";
import { volumeClaimVisitor } from "./resources/deploy/volume-claim/visit.js";
import { registerAccess } from "./resources/iam/access/service.js";
import { authBackground } from "./resources/iam/auth/background.js";
import { registerAuth } from "./resources/iam/auth/service.js";
import { registerCredential } from "./resources/iam/credential/service.js";
import { registerPrincipal } from "./resources/iam/principal/service.js";

import { addressPoolBackground } from "./resources/infra/address-pool/background.js";
import { registerAddressPool } from "./resources/infra/address-pool/service.js";
import { registerNotice } from "./resources/infra/notice/service.js";
import { registerMessage } from "./resources/status/message/service.js";
import { registerStatus } from "./resources/status/status/service.js";

/** One service of the API. */
export interface Resource {
  readonly service: DescService;
  /** Adds the service's handlers; without it every method answers UNIMPLEMENTED. */
  readonly register?: (router: ConnectRouter, platform: Platform) => void;
}

/** Everything the server serves: one line each. */
export const resources: readonly Resource[] = [
  { service: AssetService, register: registerAssets },
  { service: AuditService, register: registerAudit },
  { service: ClusterService, register: registerCluster },
  { service: HealthService, register: registerHealth },
  { service: IPService, register: registerIp },
  { service: MethodService, register: registerMethods },
  { service: PaymentService, register: registerPayment },
  { service: ProjectService, register: registerProject },
  { service: SnapshotService, register: registerSnapshot },
  { service: TenantService, register: registerTenant },
  { service: TokenService, register: registerToken },
  { service: UserService, register: registerUser },
  { service: VersionService, register: registerVersion },
  { service: VolumeService, register: registerVolume },

  { service: AdminAuditService, register: registerAdminAudit },
  { service: AdminClusterService, register: registerAdminCluster },
  { service: AdminPaymentService, register: registerAdminPayment },
  { service: AdminProjectService, register: registerAdminProject },
  { service: AdminTenantService, register: registerAdminTenant },
  { service: AdminTokenService, register: registerAdminToken },
  { service: StorageService, register: registerAdminStorage },

  { service: BudgetService, register: registerBudget },
  { service: CouponService, register: registerCoupon },
  { service: DiscountService, register: registerDiscount },
  { service: InvoiceService, register: registerInvoice },
  { service: PaymentMethodService, register: registerPaymentMethod },
  { service: ReceivableService, register: registerReceivable },
  { service: UsageService, register: registerUsage },

  { service: ConfigService, register: registerConfig },
  { service: DeploymentService, register: registerDeployment },
  { service: EnvironmentService, register: registerEnvironment },
  { service: NamespaceService, register: registerNamespace },
  { service: QuotaService, register: registerQuota },
  { service: ReleaseService, register: registerRelease },
  { service: RouteService, register: registerRoute },
  { service: RuntimeService, register: registerRuntime },
  { service: SecretService, register: registerSecret },
  { service: SettingsService, register: registerSettings },
  { service: TargetService, register: registerTarget },
  { service: TaskService, register: (router, platform) => registerTask(router, platform, works(platform)) },
  { service: VolumeClaimService, register: registerVolumeClaim },

  { service: AccessService, register: registerAccess },
  { service: AuthService, register: registerAuth },
  { service: CredentialService, register: registerCredential },
  { service: PrincipalService, register: registerPrincipal },

  { service: AddressPoolService, register: registerAddressPool },
  { service: NoticeService, register: registerNotice },

  { service: MessageService, register: registerMessage },
  { service: StatusService, register: registerStatus },
];

/** What is read inside of clusters. */
const insideReaders: readonly ((platform: Platform) => InsideReader)[] = [addressReader, volumeReader, workerReader];

/** What workers do for the resources. */
export const backgrounds: readonly ((platform: Platform) => Background)[] = [
  auditBackground,
  clusterBackground,
  healthBackground,
  tokenBackground,
  authBackground,
  addressPoolBackground,
  priceBackground,
  budgetBackground,
  ipBackground,
  paymentBackground,
  stripeBackground,
  statisticsBackground,
  maintenanceBackground,
  invoiceBackground,
  usageBackground,
  namespaceBackground,
  volumeClaimBackground,
  routeBackground,
  deploymentBackground,
  runtimeBackground,
  (platform) => targetBackground(platform, [namespaceVisitor(platform), volumeClaimVisitor(platform)]),
  (platform) =>
    insideBackground(
      platform,
      insideReaders.map((reader) => reader(platform)),
    ),
];
