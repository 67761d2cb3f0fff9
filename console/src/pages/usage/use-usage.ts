import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { useQuery } from "@tanstack/react-query";
import { UsageService } from "../../../../gen/ts/billing/v1/usage_pb.js";
import { slipway } from "../../app/api.js";
import { allPages } from "../invoices/all-pages.js";
import { startOf } from "./months.js";

const client = slipway.client(UsageService);

/** What a tenant used in a month, all of it. */
export function useUsage(tenant: string, month: string) {
  return useQuery({
    queryKey: ["usage", tenant, month],
    staleTime: 60_000,
    queryFn: async ({ signal }) => {
      const period = timestampFromDate(startOf(month));
      const pages = await allPages((page) =>
        client.list({ login: tenant, period, paging: { page, count: 1_000n } }, { signal }),
      );
      const [first] = pages;
      return {
        usages: pages.flatMap(({ usages }) => usages),
        currency: first?.currency ?? "",
        meteredUntil: first?.meteredUntil,
        isWhole: pages.at(-1)?.nextPage === undefined,
      };
    },
  });
}
