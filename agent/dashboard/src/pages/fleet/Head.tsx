import type { Order, Sort } from "../../fleet/order";
import { useWords } from "../../words/use";
import { sortOf, type Column, type Head as Name } from "./columns";

// Numbers and times are asked for from their large end.
const fromTheTop = new Set<Sort>(["players", "changed"]);

/** Sorts by a column, then the other way round, then by trouble again. */
export function nextOrder(order: Order, sort: Sort): Order {
  const first = fromTheTop.has(sort);
  if (order.sort !== sort) {
    return { ...order, sort, descending: first };
  }
  return order.descending === first && sort !== "trouble" ? { ...order, descending: !first } : { ...order, sort: "trouble", descending: sort === "trouble" && !order.descending };
}

interface Props {
  order: Order;
  onSort(order: Order): void;
  columns: readonly Column[];
  selection: number;
  all: number;
  onSelectAll(): void;
}

export function Head({ order, onSort, columns, selection, all, onSelectAll }: Props) {
  const words = useWords();
  const names: Name[] = ["status", "id", ...columns];
  return (
    <div className="head-rows" role="rowgroup">
      <div className="head" role="row" aria-rowindex={1}>
        <span role="columnheader" className="select">
          <input
            type="checkbox"
            aria-label={words.fleet.selectAll}
            title={words.fleet.selectAll}
            checked={selection > 0 && selection >= all}
            ref={(box) => {
              if (box !== null) {
                box.indeterminate = selection > 0 && selection < all;
              }
            }}
            onChange={onSelectAll}
          />
        </span>
        {names.map((name) => {
          const sort = sortOf[name];
          const on = sort !== undefined && sort === order.sort;
          return (
            <span key={name} role="columnheader" className={name} aria-sort={on ? (order.descending ? "descending" : "ascending") : undefined}>
              {sort === undefined ? (
                words.fleet.columns[name]
              ) : (
                <button type="button" onClick={() => onSort(nextOrder(order, sort))} data-sort={on ? (order.descending ? "down" : "up") : undefined}>
                  {words.fleet.columns[name]}
                </button>
              )}
            </span>
          );
        })}
      </div>
    </div>
  );
}
