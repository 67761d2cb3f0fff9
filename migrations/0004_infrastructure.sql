CREATE TABLE "maintenance_runs" (
	"cluster" uuid NOT NULL,
	"window" timestamp with time zone NOT NULL,
	"from_version" text NOT NULL,
	"to_version" text NOT NULL,
	"at" timestamp with time zone NOT NULL,
	CONSTRAINT "maintenance_runs_cluster_window_pk" PRIMARY KEY("cluster","window")
);
--> statement-breakpoint
CREATE TABLE "probe_states" (
	"probe" text NOT NULL,
	"partition" text NOT NULL,
	"status" text NOT NULL,
	"message" text NOT NULL,
	"streak" integer DEFAULT 0 NOT NULL,
	"changed_at" timestamp with time zone NOT NULL,
	"observed_at" timestamp with time zone NOT NULL,
	CONSTRAINT "probe_states_probe_partition_pk" PRIMARY KEY("probe","partition"),
	CONSTRAINT "probe_states_status" CHECK ("probe_states"."status" in ('healthy', 'degraded', 'unhealthy'))
);
--> statement-breakpoint
CREATE TABLE "ip_uses" (
	"ip" uuid NOT NULL,
	"cluster" uuid NOT NULL,
	"namespace" text NOT NULL,
	"service" text NOT NULL,
	"since" timestamp with time zone NOT NULL,
	CONSTRAINT "ip_uses_ip_cluster_namespace_service_pk" PRIMARY KEY("ip","cluster","namespace","service")
);
--> statement-breakpoint
CREATE TABLE "ips" (
	"id" uuid PRIMARY KEY NOT NULL,
	"pool" uuid NOT NULL,
	"address" "inet" NOT NULL,
	"project" uuid,
	"name" text NOT NULL,
	"description" text DEFAULT '' NOT NULL,
	"type" text NOT NULL,
	"tags" text[] DEFAULT '{}' NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	"quarantined_until" timestamp with time zone,
	CONSTRAINT "ips_type" CHECK ("ips"."type" in ('ephemeral', 'static')),
	CONSTRAINT "ips_quarantined" CHECK (("ips"."project" is null) = ("ips"."quarantined_until" is not null))
);
--> statement-breakpoint
CREATE TABLE "snapshots" (
	"id" uuid PRIMARY KEY NOT NULL,
	"project" uuid NOT NULL,
	"cluster" uuid NOT NULL,
	"partition" text NOT NULL,
	"content" text NOT NULL,
	"namespace" text NOT NULL,
	"name" text NOT NULL,
	"description" text DEFAULT '' NOT NULL,
	"storage_class" text NOT NULL,
	"size" bigint NOT NULL,
	"state" text NOT NULL,
	"source_volume" uuid,
	"source_volume_name" text,
	"replica_count" integer DEFAULT 1 NOT NULL,
	"retention_seconds" integer,
	"statistics" jsonb,
	"statistics_at" timestamp with time zone,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	"deleted_at" timestamp with time zone,
	CONSTRAINT "snapshots_size" CHECK ("snapshots"."size" >= 0)
);
--> statement-breakpoint
CREATE TABLE "volumes" (
	"id" uuid PRIMARY KEY NOT NULL,
	"project" uuid NOT NULL,
	"cluster" uuid NOT NULL,
	"partition" text NOT NULL,
	"persistent_volume" text NOT NULL,
	"name" text NOT NULL,
	"claim_namespace" text,
	"claim_name" text,
	"storage_class" text NOT NULL,
	"size" bigint NOT NULL,
	"state" text NOT NULL,
	"volume_handle" text NOT NULL,
	"attached_to" text[] DEFAULT '{}' NOT NULL,
	"node_ips" text[] DEFAULT '{}' NOT NULL,
	"source_snapshot" uuid,
	"source_snapshot_name" text,
	"labels" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"replica_count" integer DEFAULT 1 NOT NULL,
	"statistics" jsonb,
	"statistics_at" timestamp with time zone,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	"deleted_at" timestamp with time zone,
	CONSTRAINT "volumes_size" CHECK ("volumes"."size" >= 0)
);
--> statement-breakpoint
CREATE TABLE "address_pools" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"partition" text,
	"network" text NOT NULL,
	"description" text DEFAULT '' NOT NULL,
	"enabled" boolean DEFAULT true NOT NULL,
	"configured" boolean NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "address_pools_name" UNIQUE("name")
);
--> statement-breakpoint
CREATE TABLE "address_ranges" (
	"id" uuid PRIMARY KEY NOT NULL,
	"pool" uuid NOT NULL,
	"cidr" "inet" NOT NULL,
	CONSTRAINT "address_ranges_network" CHECK ("address_ranges"."cidr" = network("address_ranges"."cidr"))
);
--> statement-breakpoint
CREATE TABLE "free_addresses" (
	"id" uuid PRIMARY KEY NOT NULL,
	"pool" uuid NOT NULL,
	"first" "inet" NOT NULL,
	"last" "inet" NOT NULL,
	CONSTRAINT "free_addresses_order" CHECK (family("free_addresses"."first") = family("free_addresses"."last") and "free_addresses"."first" <= "free_addresses"."last")
);
--> statement-breakpoint
CREATE TABLE "notice_replies" (
	"id" uuid PRIMARY KEY NOT NULL,
	"notice" uuid NOT NULL,
	"text" text NOT NULL,
	"kind" text NOT NULL,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	CONSTRAINT "notice_replies_kind" CHECK ("notice_replies"."kind" in ('update', 'resolved'))
);
--> statement-breakpoint
CREATE TABLE "notices" (
	"id" uuid PRIMARY KEY NOT NULL,
	"text" text NOT NULL,
	"kind" text NOT NULL,
	"pinned" boolean DEFAULT false NOT NULL,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"resolved_at" timestamp with time zone,
	CONSTRAINT "notices_kind" CHECK ("notices"."kind" in ('info', 'incident', 'change'))
);
--> statement-breakpoint
ALTER TABLE "maintenance_runs" ADD CONSTRAINT "maintenance_runs_cluster_clusters_id_fk" FOREIGN KEY ("cluster") REFERENCES "public"."clusters"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "ip_uses" ADD CONSTRAINT "ip_uses_ip_ips_id_fk" FOREIGN KEY ("ip") REFERENCES "public"."ips"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "ip_uses" ADD CONSTRAINT "ip_uses_cluster_clusters_id_fk" FOREIGN KEY ("cluster") REFERENCES "public"."clusters"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "ips" ADD CONSTRAINT "ips_pool_address_pools_id_fk" FOREIGN KEY ("pool") REFERENCES "public"."address_pools"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "ips" ADD CONSTRAINT "ips_project_projects_id_fk" FOREIGN KEY ("project") REFERENCES "public"."projects"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "snapshots" ADD CONSTRAINT "snapshots_project_projects_id_fk" FOREIGN KEY ("project") REFERENCES "public"."projects"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "snapshots" ADD CONSTRAINT "snapshots_cluster_clusters_id_fk" FOREIGN KEY ("cluster") REFERENCES "public"."clusters"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "volumes" ADD CONSTRAINT "volumes_project_projects_id_fk" FOREIGN KEY ("project") REFERENCES "public"."projects"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "volumes" ADD CONSTRAINT "volumes_cluster_clusters_id_fk" FOREIGN KEY ("cluster") REFERENCES "public"."clusters"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "address_ranges" ADD CONSTRAINT "address_ranges_pool_address_pools_id_fk" FOREIGN KEY ("pool") REFERENCES "public"."address_pools"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "free_addresses" ADD CONSTRAINT "free_addresses_pool_address_pools_id_fk" FOREIGN KEY ("pool") REFERENCES "public"."address_pools"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "notice_replies" ADD CONSTRAINT "notice_replies_notice_notices_id_fk" FOREIGN KEY ("notice") REFERENCES "public"."notices"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "ip_uses_cluster" ON "ip_uses" USING btree ("cluster");--> statement-breakpoint
CREATE UNIQUE INDEX "ips_address" ON "ips" USING btree ("address");--> statement-breakpoint
CREATE INDEX "ips_project" ON "ips" USING btree ("project","id");--> statement-breakpoint
CREATE INDEX "ips_quarantine" ON "ips" USING btree ("pool","quarantined_until") WHERE "ips"."quarantined_until" is not null;--> statement-breakpoint
CREATE INDEX "snapshots_project" ON "snapshots" USING btree ("project","id") WHERE "snapshots"."deleted_at" is null;--> statement-breakpoint
CREATE INDEX "snapshots_cluster" ON "snapshots" USING btree ("cluster","content") WHERE "snapshots"."deleted_at" is null;--> statement-breakpoint
CREATE INDEX "volumes_project" ON "volumes" USING btree ("project","id") WHERE "volumes"."deleted_at" is null;--> statement-breakpoint
CREATE INDEX "volumes_cluster" ON "volumes" USING btree ("cluster","persistent_volume") WHERE "volumes"."deleted_at" is null;--> statement-breakpoint
CREATE INDEX "volumes_source_snapshot" ON "volumes" USING btree ("source_snapshot") WHERE "volumes"."deleted_at" is null;--> statement-breakpoint
CREATE INDEX "address_ranges_pool" ON "address_ranges" USING btree ("pool");--> statement-breakpoint
CREATE INDEX "free_addresses_pool" ON "free_addresses" USING btree ("pool");--> statement-breakpoint
CREATE INDEX "notice_replies_notice" ON "notice_replies" USING btree ("notice");--> statement-breakpoint
CREATE INDEX "notices_created" ON "notices" USING btree ("created_at");
--> statement-breakpoint
-- No address belongs to two pools.
ALTER TABLE "address_ranges" ADD CONSTRAINT "address_ranges_overlap" EXCLUDE USING gist ("cidr" inet_ops WITH &&);
--> statement-breakpoint
CREATE TRIGGER "notices_changed" AFTER INSERT OR UPDATE OR DELETE ON "notices" FOR EACH ROW EXECUTE FUNCTION record_change('notice', 'id', 'id');
--> statement-breakpoint
CREATE TRIGGER "notice_replies_changed" AFTER INSERT OR UPDATE OR DELETE ON "notice_replies" FOR EACH ROW EXECUTE FUNCTION record_change('notice', 'notice', 'notice');
--> statement-breakpoint
-- That a probe still says the same is no news.
CREATE TRIGGER "probe_states_made" AFTER INSERT OR DELETE ON "probe_states" FOR EACH ROW EXECUTE FUNCTION record_change('probe', 'partition', 'probe');
--> statement-breakpoint
CREATE TRIGGER "probe_states_changed" AFTER UPDATE ON "probe_states" FOR EACH ROW WHEN ((OLD."status", OLD."message") IS DISTINCT FROM (NEW."status", NEW."message")) EXECUTE FUNCTION record_change('probe', 'partition', 'probe');
--> statement-breakpoint
-- Hands an address of a pool to a project: one that is free, else one whose quarantine is over; null when there is none.
-- The family is 4 or 6; null for either.
-- First what nobody else is taking at this moment; only then it waits for those who do. A function, because its
-- plans are made once for each connection.
CREATE FUNCTION allocate_address(
  wanted_id uuid, wanted_pool uuid, wanted_project uuid, wanted_name text, wanted_description text, wanted_type text,
  wanted_tags text[], moment timestamptz, wanted_family int
) RETURNS inet LANGUAGE plpgsql AS $$
DECLARE
  run free_addresses%ROWTYPE;
  old ips.id%TYPE;
  taken inet;
BEGIN
  FOR patience IN 0..1 LOOP
    IF patience = 0 THEN
      SELECT * INTO run FROM free_addresses WHERE pool = wanted_pool AND family(first) = coalesce(wanted_family, family(first))
      LIMIT 1 FOR UPDATE SKIP LOCKED;
    ELSE
      SELECT * INTO run FROM free_addresses WHERE pool = wanted_pool AND family(first) = coalesce(wanted_family, family(first))
      LIMIT 1 FOR UPDATE;
    END IF;
    IF FOUND THEN
      IF run.first = run.last THEN
        DELETE FROM free_addresses WHERE id = run.id;
      ELSE
        UPDATE free_addresses SET first = run.first + 1 WHERE id = run.id;
      END IF;
      INSERT INTO ips (id, pool, address, project, name, description, type, tags, created_at, updated_at)
      VALUES (wanted_id, wanted_pool, run.first, wanted_project, wanted_name, wanted_description, wanted_type,
        wanted_tags, moment, moment);
      RETURN run.first;
    END IF;
    IF patience = 0 THEN
      SELECT id INTO old FROM ips WHERE pool = wanted_pool AND quarantined_until <= moment
        AND family(address) = coalesce(wanted_family, family(address))
      ORDER BY quarantined_until LIMIT 1 FOR UPDATE SKIP LOCKED;
    ELSE
      SELECT id INTO old FROM ips WHERE pool = wanted_pool AND quarantined_until <= moment
        AND family(address) = coalesce(wanted_family, family(address))
      ORDER BY quarantined_until LIMIT 1 FOR UPDATE;
    END IF;
    IF FOUND THEN
      UPDATE ips SET id = wanted_id, project = wanted_project, name = wanted_name, description = wanted_description,
        type = wanted_type, tags = wanted_tags, quarantined_until = NULL, created_at = moment, updated_at = moment
      WHERE id = old RETURNING address INTO taken;
      RETURN taken;
    END IF;
  END LOOP;
  RETURN NULL;
END
$$;
