CREATE TABLE "signing_keys" (
	"kid" text PRIMARY KEY NOT NULL,
	"public_jwk" jsonb NOT NULL,
	"private_jwe" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "audit_entries" (
	"id" uuid PRIMARY KEY NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"request_id" text NOT NULL,
	"phase" text NOT NULL,
	"method" text NOT NULL,
	"user" text,
	"tenant" text,
	"project" text,
	"source_ip" text NOT NULL,
	"user_agent" text NOT NULL,
	"body" text,
	"code" integer
);
--> statement-breakpoint
CREATE TABLE "clusters" (
	"id" uuid PRIMARY KEY NOT NULL,
	"project" uuid NOT NULL,
	"name" text NOT NULL,
	"partition" text NOT NULL,
	"kubernetes_version" text NOT NULL,
	"workers" jsonb NOT NULL,
	"kubernetes_autoupdate" boolean NOT NULL,
	"machineimage_autoupdate" boolean NOT NULL,
	"maintenance_begin" timestamp with time zone NOT NULL,
	"maintenance_seconds" integer NOT NULL,
	"purpose" text,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	"delete_requested_at" timestamp with time zone,
	"deleted_at" timestamp with time zone,
	"revision" bigint DEFAULT 1 NOT NULL,
	"generation" bigint DEFAULT 1 NOT NULL,
	"applied_generation" bigint DEFAULT 0 NOT NULL,
	"pending_operation" text,
	"status_type" text NOT NULL,
	"status_state" text NOT NULL,
	"status_progress" integer NOT NULL,
	"api_server_ready" text DEFAULT 'Unknown' NOT NULL,
	"control_plane_ready" text DEFAULT 'Unknown' NOT NULL,
	"nodes_ready" text DEFAULT 'Unknown' NOT NULL,
	"system_components_ready" text DEFAULT 'Unknown' NOT NULL,
	"conditions" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"last_errors" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"observed_version" bigint,
	"seed" text,
	"labels" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"monitoring_sealed" text,
	CONSTRAINT "clusters_progress" CHECK ("clusters"."status_progress" between 0 and 100),
	CONSTRAINT "clusters_maintenance" CHECK ("clusters"."maintenance_seconds" >= 3600 and "clusters"."maintenance_seconds" < 14400),
	CONSTRAINT "clusters_pending_operation" CHECK ("clusters"."pending_operation" in ('reconcile', 'maintain', 'retry')),
	CONSTRAINT "clusters_status_type" CHECK ("clusters"."status_type" in ('Create', 'Reconcile', 'Delete')),
	CONSTRAINT "clusters_status_state" CHECK ("clusters"."status_state" in ('Pending', 'Processing', 'Succeeded', 'Error', 'Failed', 'Aborted'))
);
--> statement-breakpoint
CREATE TABLE "partition_health" (
	"partition" text PRIMARY KEY NOT NULL,
	"reachable" boolean NOT NULL,
	"message" text NOT NULL,
	"changed_at" timestamp with time zone NOT NULL,
	"observed_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "project_members" (
	"project" uuid NOT NULL,
	"member" text NOT NULL,
	"role" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	CONSTRAINT "project_members_project_member_pk" PRIMARY KEY("project","member"),
	CONSTRAINT "project_members_role" CHECK ("project_members"."role" in ('owner', 'editor', 'viewer'))
);
--> statement-breakpoint
CREATE TABLE "projects" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant" text NOT NULL,
	"name" text NOT NULL,
	"description" text DEFAULT '' NOT NULL,
	"avatar_url" text,
	"is_default" boolean DEFAULT false NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "projects_name" UNIQUE("tenant","name")
);
--> statement-breakpoint
CREATE TABLE "tenant_members" (
	"tenant" text NOT NULL,
	"member" text NOT NULL,
	"role" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	CONSTRAINT "tenant_members_tenant_member_pk" PRIMARY KEY("tenant","member"),
	CONSTRAINT "tenant_members_role" CHECK ("tenant_members"."role" in ('owner', 'editor', 'viewer', 'guest'))
);
--> statement-breakpoint
CREATE TABLE "tenants" (
	"login" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"email" text DEFAULT '' NOT NULL,
	"description" text DEFAULT '' NOT NULL,
	"avatar_url" text DEFAULT '' NOT NULL,
	"oauth_provider" integer DEFAULT 0 NOT NULL,
	"phone_number" text DEFAULT '' NOT NULL,
	"admitted" boolean DEFAULT false NOT NULL,
	"email_consent" boolean DEFAULT false NOT NULL,
	"onboarded" boolean DEFAULT false NOT NULL,
	"terms_accepted_at" timestamp with time zone,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "tokens" (
	"id" uuid PRIMARY KEY NOT NULL,
	"owner" text NOT NULL,
	"type" text NOT NULL,
	"description" text NOT NULL,
	"permissions" jsonb NOT NULL,
	"project_roles" jsonb NOT NULL,
	"tenant_roles" jsonb NOT NULL,
	"admin_role" text,
	"issued_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"revoked_at" timestamp with time zone,
	CONSTRAINT "tokens_type" CHECK ("tokens"."type" in ('api', 'console')),
	CONSTRAINT "tokens_admin_role" CHECK ("tokens"."admin_role" in ('editor', 'viewer')),
	CONSTRAINT "tokens_console_is_never_admin" CHECK ("tokens"."type" <> 'console' or "tokens"."admin_role" is null)
);
--> statement-breakpoint
CREATE TABLE "users" (
	"login" text PRIMARY KEY NOT NULL,
	"admin_role" text,
	"created_at" timestamp with time zone NOT NULL,
	CONSTRAINT "users_admin_role" CHECK ("users"."admin_role" in ('editor', 'viewer'))
);
--> statement-breakpoint
ALTER TABLE "clusters" ADD CONSTRAINT "clusters_project_projects_id_fk" FOREIGN KEY ("project") REFERENCES "public"."projects"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "project_members" ADD CONSTRAINT "project_members_project_projects_id_fk" FOREIGN KEY ("project") REFERENCES "public"."projects"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "project_members" ADD CONSTRAINT "project_members_member_users_login_fk" FOREIGN KEY ("member") REFERENCES "public"."users"("login") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "projects" ADD CONSTRAINT "projects_tenant_tenants_login_fk" FOREIGN KEY ("tenant") REFERENCES "public"."tenants"("login") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tenant_members" ADD CONSTRAINT "tenant_members_tenant_tenants_login_fk" FOREIGN KEY ("tenant") REFERENCES "public"."tenants"("login") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tenant_members" ADD CONSTRAINT "tenant_members_member_users_login_fk" FOREIGN KEY ("member") REFERENCES "public"."users"("login") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tokens" ADD CONSTRAINT "tokens_owner_users_login_fk" FOREIGN KEY ("owner") REFERENCES "public"."users"("login") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "audit_entries_tenant" ON "audit_entries" USING btree ("tenant","at");--> statement-breakpoint
CREATE INDEX "audit_entries_at" ON "audit_entries" USING btree ("at");--> statement-breakpoint
CREATE UNIQUE INDEX "clusters_name" ON "clusters" USING btree ("project","name") WHERE "clusters"."deleted_at" is null;--> statement-breakpoint
CREATE INDEX "clusters_project" ON "clusters" USING btree ("project","deleted_at");--> statement-breakpoint
CREATE INDEX "clusters_partition" ON "clusters" USING btree ("partition") WHERE "clusters"."deleted_at" is null;--> statement-breakpoint
CREATE INDEX "project_members_member" ON "project_members" USING btree ("member");--> statement-breakpoint
CREATE UNIQUE INDEX "projects_default" ON "projects" USING btree ("tenant") WHERE "projects"."is_default";--> statement-breakpoint
CREATE INDEX "tenant_members_member" ON "tenant_members" USING btree ("member");--> statement-breakpoint
CREATE INDEX "tokens_owner" ON "tokens" USING btree ("owner");--> statement-breakpoint
-- What is watched: the status of clusters by their readers, all else by the callers that each process keeps in memory.
CREATE TRIGGER "clusters_changed" AFTER INSERT OR UPDATE OR DELETE ON "clusters" FOR EACH ROW EXECUTE FUNCTION record_change('cluster', 'project', 'id');
--> statement-breakpoint
CREATE TRIGGER "tokens_changed" AFTER UPDATE OR DELETE ON "tokens" FOR EACH ROW EXECUTE FUNCTION record_change('token', 'owner', 'id');
--> statement-breakpoint
CREATE TRIGGER "users_changed" AFTER UPDATE OR DELETE ON "users" FOR EACH ROW EXECUTE FUNCTION record_change('user', 'login', 'login');
--> statement-breakpoint
CREATE TRIGGER "tenant_members_changed" AFTER INSERT OR UPDATE OR DELETE ON "tenant_members" FOR EACH ROW EXECUTE FUNCTION record_change('tenant_member', 'member', 'tenant');
--> statement-breakpoint
CREATE TRIGGER "project_members_changed" AFTER INSERT OR UPDATE OR DELETE ON "project_members" FOR EACH ROW EXECUTE FUNCTION record_change('project_member', 'member', 'project');
--> statement-breakpoint
CREATE TRIGGER "projects_changed" AFTER INSERT OR UPDATE OR DELETE ON "projects" FOR EACH ROW EXECUTE FUNCTION record_change('project', 'tenant', 'id');
