import { Alert } from "@mui/material";
import { useCallback } from "react";
import { Link } from "wouter";
import { announce } from "../../app/Announcer";
import { places } from "../../app/places";
import { useRow } from "../../fleet/use";
import { Age } from "../../parts/Age";
import { Trouble } from "../../parts/Trouble";
import { Waiting } from "../../parts/Waiting";
import type { Leader } from "../../wire/types";
import { useWords } from "../../words/use";
import { useLeaders, type LeaderList } from "./data";
import { useSessionWords } from "./words";

function Name({ leader }: { leader: Leader["leader"] }) {
  const words = useSessionWords();
  // An observer may lead as well, and has no record.
  const row = useRow(leader === null ? "" : `${leader.type}/${leader.id}`);
  if (leader === null) {
    return <span className="sessions-missing">{words.noLeader}</span>;
  }
  const key = `${leader.type}/${leader.id}`;
  return row === undefined ? (
    <bdi>{key}</bdi>
  ) : (
    <Link href={places.server(key)} className="sessions-link">
      <bdi>{key}</bdi>
    </Link>
  );
}

function Table({ list }: { list: LeaderList }) {
  const words = useSessionWords();
  const skipped = Object.values(list.skipped).reduce((sum, each) => sum + each, 0);
  return (
    <>
      {list.leftOut > 0 && <Alert severity="warning">{words.leftOut(list.leftOut)}</Alert>}
      {list.leaders.length === 0 ? (
        <p className="sessions-none dim">{words.noScopes}</p>
      ) : (
        <div className="sessions-table">
          <table>
            <thead>
              <tr>
                <th scope="col">{words.scope}</th>
                <th scope="col">{words.leader}</th>
                <th scope="col">{words.since}</th>
                <th scope="col" className="num-cell">
                  {words.token}
                </th>
                <th scope="col" className="num-cell">
                  {words.candidates}
                </th>
              </tr>
            </thead>
            <tbody>
              {list.leaders.map((each) => (
                <tr key={each.scope}>
                  <th scope="row">
                    <bdi>{each.scope}</bdi>
                  </th>
                  <td>
                    <Name leader={each.leader} />
                  </td>
                  <td data-label={words.since}>
                    <Age at={each.since === null ? null : Date.parse(each.since)} bare />
                  </td>
                  <td className="num-cell" data-label={words.token}>{each.token ?? "–"}</td>
                  <td className="num-cell" data-label={words.candidates}>{each.candidates}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {skipped > 0 && <p className="dim">{words.skipped(skipped)}</p>}
    </>
  );
}

export function Leaders() {
  const words = useSessionWords();
  const { shell } = useWords();
  const told = useCallback(
    (leader: Leader) => announce(words.leaderNow(leader.scope, leader.leader === null ? words.noLeader : `${leader.leader.type}/${leader.leader.id}`)),
    [words],
  );
  const leaders = useLeaders(told);
  return (
    <section aria-labelledby="leaders">
      <div className="sessions-title">
        <h2 id="leaders">{words.leaders}</h2>
        <span className="dim">{words.leadersHint}</span>
      </div>
      {leaders.data !== undefined ? (
        <Table list={leaders.data} />
      ) : leaders.error === null ? (
        <Waiting text={shell.connectingTo} />
      ) : (
        <Trouble error={leaders.error} retry={() => void leaders.refetch()} />
      )}
    </section>
  );
}
