import type { Words } from "../../words/en";

/** What rows are grouped by, in words. */
export function groupName(group: string, words: Words): string {
  const { facets, columns, ungrouped } = words.fleet;
  if (group === "") {
    return ungrouped;
  }
  return group.startsWith("label.") ? facets.label(group.slice("label.".length)) : group === "host" ? columns.host : facets[group as "type"];
}
