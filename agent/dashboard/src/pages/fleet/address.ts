import { useCallback, useMemo } from "react";
import { useLocation, useSearch } from "wouter";
import { parseFilter, type Filter } from "../../fleet/filter";
import { GROUPS, SORTS, type Order, type Sort } from "../../fleet/order";
import { columnsOf, writeColumns, type Column } from "./columns";

/** All that an address says about the table: whoever opens it sees the same. */
export interface Address {
  readonly filter: Filter;
  readonly order: Order;
  readonly columns: readonly Column[];
}

function isGroup(name: string): boolean {
  return (GROUPS as readonly string[]).includes(name) || /^label\..+/.test(name);
}

/** What is not known in it counts as not there. */
export function readAddress(search: string): Address {
  const query = new URLSearchParams(search);
  const sort = query.get("sort") ?? "";
  const bare = sort.replace(/^-/, "");
  const group = query.get("group") ?? "";
  return {
    filter: parseFilter(query.get("q") ?? ""),
    order: {
      sort: (SORTS as readonly string[]).includes(bare) ? (bare as Sort) : "trouble",
      descending: sort.startsWith("-"),
      group: isGroup(group) ? group : "",
    },
    columns: columnsOf(query.get("columns")),
  };
}

/** The part of the address behind the "?": what is as usual is left out. Parameters that are not the table's are kept. */
export function writeAddress({ filter, order, columns }: Address, before: string): string {
  const query = new URLSearchParams(before);
  const sort = `${order.descending ? "-" : ""}${order.sort}`;
  const parts: [string, string | null][] = [
    ["q", filter.text === "" ? null : filter.text],
    ["group", order.group === "" ? null : order.group],
    ["sort", sort === "trouble" ? null : sort],
    ["columns", writeColumns(columns)],
  ];
  for (const [name, value] of parts) {
    if (value === null) {
      query.delete(name);
    } else {
      query.set(name, value);
    }
  }
  return query.toString();
}

/** The address and how to change it. A change takes the place of the one before in the history: Back leaves the page. */
export function useAddress(): [Address, (part: Partial<Address>) => void] {
  const search = useSearch();
  const [path, navigate] = useLocation();
  const address = useMemo(() => readAddress(search), [search]);
  const change = useCallback(
    (part: Partial<Address>) => {
      const next = writeAddress({ ...readAddress(search), ...part }, search);
      navigate(next === "" ? path : `${path}?${next}`, { replace: true });
    },
    [search, path, navigate],
  );
  return [address, change];
}
