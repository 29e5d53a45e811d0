import type { Row } from "../../fleet/row";
import type { FleetView } from "../../fleet/view";
import { moment } from "../../words/time";
import type { Look } from "./look";

/** What the title of a cell says: what is cut, or what there is no room for. */
export function titleOf(cell: HTMLElement, row: Row | undefined, view: FleetView, { words, language }: Look): string {
  const { versions } = view;
  if (cell.classList.contains("changed") && row?.changedAt != null && !Number.isNaN(row.changedAt)) {
    return moment(row.changedAt, language);
  }
  if (cell.classList.contains("version") && row !== undefined && versions.isOdd(row)) {
    return words.fleet.oddVersion(versions.most(row.record.type)!);
  }
  if (cell.classList.contains("host") && row?.record.host !== undefined) {
    return words.fleet.copyAddress(cell.textContent ?? "");
  }
  return cell.scrollWidth > cell.clientWidth ? (cell.textContent ?? "") : "";
}
