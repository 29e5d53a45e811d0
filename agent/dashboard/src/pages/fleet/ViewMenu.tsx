import { ListSubheader, Menu, MenuItem } from "@mui/material";
import { toQuery } from "../../fleet/filter";
import { GROUPS, SORTS } from "../../fleet/order";
import { copyText } from "../../parts/Copy";
import { useWords } from "../../words/use";
import { COLUMNS, type Column } from "./columns";
import type { Address } from "./address";
import { groupName } from "./groupName";

interface Props {
  anchor: HTMLElement;
  close(): void;
  address: Address;
  change(part: Partial<Address>): void;
  cards: boolean;
  labels: readonly string[];
}

/** Groups, columns and, where there is no head to sort by, the order. */
export default function ViewMenu({ anchor, close, address, change, cards, labels }: Props) {
  const words = useWords();
  const { order, columns, filter } = address;
  const query = toQuery(filter);
  const groups = ["", ...GROUPS, ...labels.map((name) => `label.${name}`)];
  const switched = (column: Column) => COLUMNS.filter((each) => (each === column ? !columns.includes(each) : columns.includes(each)));
  return (
    <Menu anchorEl={anchor} open onClose={close} slotProps={{ paper: { className: "facet-menu" } }}>
      <ListSubheader>{words.fleet.groupBy}</ListSubheader>
      {groups.map((group) => (
        <MenuItem key={group} selected={group === order.group} onClick={() => change({ order: { ...order, group } })}>
          {groupName(group, words)}
        </MenuItem>
      ))}
      {cards && <ListSubheader>{words.fleet.sortBy}</ListSubheader>}
      {cards &&
        SORTS.map((sort) => (
          <MenuItem key={sort} selected={sort === order.sort} onClick={() => change({ order: { ...order, sort, descending: sort === "players" || sort === "changed" } })}>
            {sort === "trouble" ? words.fleet.trouble : words.fleet.columns[sort]}
          </MenuItem>
        ))}
      {!cards && <ListSubheader>{words.fleet.showColumns}</ListSubheader>}
      {!cards &&
        COLUMNS.map((column) => (
          <MenuItem key={column} role="menuitemcheckbox" aria-checked={columns.includes(column)} onClick={() => change({ columns: switched(column) })}>
            <span className="check" data-on={columns.includes(column) || undefined} />
            {words.fleet.columns[column]}
          </MenuItem>
        ))}
      <MenuItem
        disabled={query === null}
        onClick={() => {
          void copyText(`${window.location.origin}/api/services${query === "" ? "" : `?${query}`}`);
          close();
        }}
      >
        {query === null ? words.fleet.noQuery : words.fleet.copyQuery}
      </MenuItem>
    </Menu>
  );
}
