import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { AuditService, type AuditTrace } from "../../../../gen/ts/api/v1/audit_pb.js";
import { slipway } from "../../app/api.js";
import { pageSize, requestOf, type Selection } from "./selection.js";

const client = slipway.client(AuditService);

/** How many records are asked for when all of a page were known already: they all have one time. */
const mostRecords = 1_000;

interface Step {
  readonly to: Timestamp;
  readonly limit: number;
}

/** One record of several of a call: its request, or its response. */
export function traceKey({ uuid, phase, timestamp }: AuditTrace): string {
  return `${uuid} ${phase} ${timestamp?.seconds ?? ""}.${timestamp?.nanos ?? ""}`;
}

/** The records that are selected, newest first, and more of them as they are asked for. */
export function useTraces(tenant: string, selection: Selection, now: Date) {
  const query = useInfiniteQuery({
    queryKey: ["audit", tenant, selection, now.getTime()],
    initialPageParam: undefined as Step | undefined,
    queryFn: async ({ pageParam, signal }) => {
      const request = { ...requestOf(tenant, selection, now), ...pageParam };
      return { traces: (await client.list(request, { signal })).traces, limit: request.limit ?? pageSize };
    },
    getNextPageParam: (last, pages): Step | undefined => {
      const to = last.traces.at(-1)?.timestamp;
      if (to === undefined || last.traces.length < last.limit) return undefined;
      const before = new Set(pages.slice(0, -1).flatMap(({ traces }) => traces.map(traceKey)));
      const isStuck = last.traces.every((trace) => before.has(traceKey(trace)));
      if (isStuck && last.limit === mostRecords) return undefined;
      return { to, limit: isStuck ? mostRecords : pageSize };
    },
  });
  const traces = useMemo(() => {
    // Pages begin with the last records of the ones before.
    const all = query.data?.pages.flatMap((page) => page.traces);
    return all && [...new Map(all.map((trace) => [traceKey(trace), trace])).values()];
  }, [query.data]);
  return { ...query, traces };
}
