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
-- Asks for a job that makes something what the rows say. One that waits for its turn with this key will see what this
-- transaction wrote, for no worker takes it before the commit: it is held, with its time, so that one that failed keeps
-- its distance. Callers who hold it do not wait for each other. Else a job is made: the running one may have read before.
CREATE FUNCTION request_job(task text, payload json, queue text, job text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM graphile_worker._private_jobs WHERE key = job AND is_available FOR SHARE;
  IF NOT FOUND THEN
    PERFORM graphile_worker.add_job(task, payload, queue_name := queue, job_key := job);
  END IF;
END
$$;
--> statement-breakpoint
CREATE INDEX "free_addresses_pick" ON "free_addresses" USING btree ("pool","id");
--> statement-breakpoint
-- Takes a free address from a pool, or one whose quarantine is over, and gives it to the project; null when there is
-- none. The family is 4 or 6; null for either. Unless it is patient it passes over what others are taking at this
-- moment. Each caller begins at another place, so that they seldom meet.
CREATE FUNCTION take_address(
  wanted_id uuid, wanted_pool uuid, wanted_project uuid, wanted_name text, wanted_description text, wanted_type text,
  wanted_tags text[], moment timestamptz, wanted_family int, patient boolean
) RETURNS inet LANGUAGE plpgsql AS $$
DECLARE
  start uuid := gen_random_uuid();
  run free_addresses%ROWTYPE;
  old ips.id%TYPE;
  taken inet;
BEGIN
  IF patient THEN
    SELECT * INTO run FROM free_addresses WHERE pool = wanted_pool
      AND (wanted_family IS NULL OR family(first) = wanted_family) ORDER BY id LIMIT 1 FOR UPDATE;
  ELSE
    SELECT * INTO run FROM free_addresses WHERE pool = wanted_pool AND id >= start
      AND (wanted_family IS NULL OR family(first) = wanted_family) ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
      SELECT * INTO run FROM free_addresses WHERE pool = wanted_pool AND id < start
        AND (wanted_family IS NULL OR family(first) = wanted_family) ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED;
    END IF;
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
  IF patient THEN
    SELECT id INTO old FROM ips WHERE pool = wanted_pool AND quarantined_until <= moment
      AND (wanted_family IS NULL OR family(address) = wanted_family) ORDER BY quarantined_until LIMIT 1 FOR UPDATE;
  ELSE
    SELECT id INTO old FROM ips WHERE pool = wanted_pool AND quarantined_until <= moment
      AND (wanted_family IS NULL OR family(address) = wanted_family)
    ORDER BY quarantined_until LIMIT 1 FOR UPDATE SKIP LOCKED;
  END IF;
  IF FOUND THEN
    UPDATE ips SET id = wanted_id, project = wanted_project, name = wanted_name, description = wanted_description,
      type = wanted_type, tags = wanted_tags, quarantined_until = NULL, created_at = moment, updated_at = moment
    WHERE id = old RETURNING address INTO taken;
  END IF;
  RETURN taken;
END
$$;
--> statement-breakpoint
-- Hands an address to a project, from the first pool by name that fits and has one, and asks for the job that tells
-- its clusters, all in one call. The outcome is "allocated", "unfit" when no pool fits, "exhausted" when those that
-- fit have none, or "quota"; a quota that is passed at the same time as others fails with the constraint "ips_quota".
-- Of the wanted network, partition and family null is any; no limit is 0. Functions, because their plans are made once
-- for each connection.
CREATE FUNCTION allocate_address(
  wanted_id uuid, wanted_project uuid, wanted_name text, wanted_description text, wanted_type text,
  wanted_tags text[], moment timestamptz, wanted_network text, wanted_partition text, wanted_family int, most int,
  OUT outcome text, OUT address text, OUT pool uuid, OUT network text
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  taken inet;
BEGIN
  IF most > 0 AND (SELECT count(*) FROM (SELECT FROM ips WHERE project = wanted_project LIMIT most) has) >= most THEN
    outcome := 'quota';
    RETURN;
  END IF;
  outcome := 'unfit';
  <<search>>
  FOR pool, network IN
    SELECT p.id, p.network FROM address_pools p
    WHERE p.enabled AND (wanted_network IS NULL OR p.network = wanted_network)
      AND (wanted_partition IS NULL OR p.partition IS NULL OR p.partition = wanted_partition)
      AND EXISTS (SELECT FROM address_ranges r
        WHERE r.pool = p.id AND (wanted_family IS NULL OR family(r.cidr) = wanted_family))
    ORDER BY p.name
  LOOP
    outcome := 'exhausted';
    FOR patience IN 0..1 LOOP
      taken := take_address(wanted_id, allocate_address.pool, wanted_project, wanted_name, wanted_description,
        wanted_type, wanted_tags, moment, wanted_family, patience = 1);
      EXIT search WHEN taken IS NOT NULL;
    END LOOP;
  END LOOP;
  IF taken IS NULL THEN
    RETURN;
  END IF;
  outcome := 'allocated';
  address := host(taken);
  PERFORM request_job('addresses.publish', json_build_object('project', wanted_project),
    'addresses:' || wanted_project, 'addresses.publish:' || wanted_project);
  IF most > 0 THEN
    -- As late as can be, for those of one project wait for each other from here to the commit. The count is a
    -- statement of its own, so that it sees what those before have written.
    PERFORM pg_advisory_xact_lock(hashtextextended('addresses:' || wanted_project, 0));
    IF (SELECT count(*) FROM (SELECT FROM ips WHERE project = wanted_project LIMIT most + 1) has) > most THEN
      RAISE EXCEPTION 'the project has all the addresses it may have'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'ips_quota';
    END IF;
  END IF;
END
$$;
