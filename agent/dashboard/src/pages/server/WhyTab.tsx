import { Alert } from "@mui/material";
import type { ReactNode } from "react";
import { shownStatus } from "../../fleet/row";
import { whyOf, type Evidence, type Why } from "../../fleet/why";
import { Age, useSecond } from "../../parts/Age";
import { Parts } from "../../parts/Parts";
import { serverNow } from "../../wire/clock";
import { ApiError } from "../../wire/http";
import type { ServerHistory } from "../../wire/types";
import { moment } from "../../words/time";
import { useSpoken, useWords } from "../../words/use";
import type { Shown } from "./data";

function Moment({ at }: { at: number }) {
  const { language } = useSpoken();
  return (
    <>
      <Age at={at} /> <span className="dim server-moment">{moment(at, language)}</span>
    </>
  );
}

function Value({ of }: { of: Evidence }): ReactNode {
  const words = useWords();
  switch (of.what) {
    case "reason":
    case "state":
      return <bdi>{of.said}</bdi>;
    case "since":
      return (
        <>
          <Moment at={of.since.at} />
          <Parts parts={words.why.since(of.since)} />
        </>
      );
    case "times":
      return <Parts parts={words.why.times(of.times)} />;
    case "before":
      return <Parts parts={words.why.before(of.before)} />;
    case "hold":
      return <Parts parts={words.why.hold(of.drain.by, of.drain.reason, of.drain.holds)} />;
    case "deadline":
      return (
        <>
          <Moment at={of.at} />
          {of.at <= serverNow() && words.why.overdue}
        </>
      );
    case "players":
    case "playersThen":
      return <span className="num">{words.why.playersOf(of.players, of.capacity)}</span>;
    case "lastStatus":
      return shownStatus(of.status) === "unknown" && of.status !== "unknown" ? <bdi>{of.status}</bdi> : words.statuses[shownStatus(of.status)];
    case "weight":
      return words.why.weightZero;
    case "signature":
      return words.why.badSignature;
  }
}

function tone(why: Why): string {
  return why.kind === "left" ? "unknown" : why.kind;
}

export function HistoryTrouble({ error }: { error: unknown }) {
  const words = useWords();
  const off = error instanceof ApiError && error.code === "history_off";
  // A record that has just come is in the table before it is in the history.
  if (error == null || (error instanceof ApiError && error.code === "no_such_service")) {
    return null;
  }
  return <Alert severity={off ? "info" : "warning"}>{off ? words.server.historyOff : `${words.server.historyFailed}: ${(error as Error).message}`}</Alert>;
}

export function WhyTab({ shown, history, historyError }: { shown: Shown; history: ServerHistory | null; historyError: unknown }) {
  useSecond();
  const words = useWords();
  const why = whyOf(shown.row, history, serverNow());
  return (
    <>
      <p className="server-why" data-status={tone(why)}>
        <span>
          <Parts parts={words.why.sentence(why)} />
          {why.restless !== null && (
            <>
              {" "}
              <Parts parts={words.why.restless(why.restless)} />
            </>
          )}
        </span>
      </p>
      <HistoryTrouble error={historyError} />
      {why.evidence.length > 0 && (
        <>
          <h3>{words.why.evidence}</h3>
          <dl className="server-list">
            {why.evidence.map((each) => (
              <div key={each.what}>
                <dt>{words.why.labels[each.what]}</dt>
                <dd>
                  <Value of={each} />
                </dd>
              </div>
            ))}
          </dl>
        </>
      )}
    </>
  );
}
