import { shownStatus } from "../../fleet/row";
import { Age } from "../../parts/Age";
import { Parts } from "../../parts/Parts";
import { StatusPill } from "../../parts/StatusPill";
import { Waiting } from "../../parts/Waiting";
import type { Life, ServerHistory, Transition } from "../../wire/types";
import { duration } from "../../words/time";
import { useSpoken, useWords } from "../../words/use";
import type { Shown } from "./data";
import { PlayersChart } from "./PlayersChart";
import { HistoryTrouble } from "./WhyTab";

function useClock(): (ms: number) => string {
  const { language } = useSpoken();
  return (ms) => {
    const day = new Date(ms).toDateString() === new Date().toDateString();
    return new Intl.DateTimeFormat(language, { ...(day ? {} : { month: "short", day: "numeric" }), hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }).format(ms);
  };
}

function Status({ status }: { status: string }) {
  return shownStatus(status) === "unknown" && status !== "unknown" ? (
    <span className="status" data-status="unknown">
      <bdi className="server-cut">{status}</bdi>
    </span>
  ) : (
    <StatusPill status={shownStatus(status)} />
  );
}

function Text({ of }: { of: Transition }) {
  const words = useWords();
  const texts = words.server.timeline;
  return (
    <>
      {of.kind === "went" ? (
        <b>{texts.whys[of.why ?? ""] ?? (of.why ? <bdi>{of.why}</bdi> : texts.kinds.went)}</b>
      ) : (
        of.kind !== "status" && <b>{texts.kinds[of.kind] ?? <bdi>{of.kind}</bdi>}</b>
      )}{" "}
      {of.kind === "drain" && of.drain !== undefined && <Parts parts={words.why.hold(of.drain.by, of.drain.reason, of.drain.holds)} />}
      {of.kind !== "drain" && of.reason && <bdi>{of.reason}</bdi>}
    </>
  );
}

function Entry({ of, next }: { of: Transition; next: Transition | undefined }) {
  const words = useWords();
  const clock = useClock();
  const texts = words.server.timeline;
  const at = Date.parse(of.at);
  const lasted = next === undefined ? null : Date.parse(next.at) - at;
  return (
    <li data-status={of.to === null ? "offline" : shownStatus(of.to)}>
      <div className="time-at">
        <time dateTime={of.at} className="num">
          {clock(at)}
        </time>
        {of.unsure && (
          <span className="time-unsure" title={of.after === null ? texts.unsureOpen : texts.unsure(clock(Date.parse(of.after)))}>
            {texts.unsureMark}
          </span>
        )}
      </div>
      <div className="time-what">
        {of.to !== null && of.from !== of.to && <Status status={of.to} />} <Text of={of} />
        {of.unsure && <div className="dim">{of.after === null ? texts.unsureOpen : texts.unsure(clock(Date.parse(of.after)))}</div>}
      </div>
      <div className="time-lasted dim num">{lasted === null ? <Age at={at} bare /> : duration(lasted, words)}</div>
    </li>
  );
}

function Lives({ lives }: { lives: Life[] }) {
  const words = useWords();
  const clock = useClock();
  const texts = words.server.timeline;
  return (
    <>
      <h3>
        {texts.lives} <span className="dim">{texts.livesHint}</span>
      </h3>
      <ol className="time-lives">
        {[...lives].reverse().map((life) => (
          <li key={life.began}>
            <span className="num" title={life.exact ? undefined : texts.inexactHint}>
              {clock(Date.parse(life.began))}
              {!life.exact && <span className="time-unsure">{texts.inexact}</span>}
            </span>
            <span>{life.ended == null ? texts.lifeNow : (texts.lifeWhys[life.why ?? ""] ?? <bdi>{life.why}</bdi>)}</span>
            <span className="time-lasted dim num">{life.ended == null ? <Age at={Date.parse(life.began)} bare /> : duration(Date.parse(life.ended) - Date.parse(life.began), words)}</span>
          </li>
        ))}
      </ol>
    </>
  );
}

export function TimelineTab({ shown, history, historyError }: { shown: Shown; history: ServerHistory | null; historyError: unknown }) {
  const words = useWords();
  const texts = words.server.timeline;
  if (history === null) {
    return historyError == null ? <Waiting text={words.states.loading} /> : <HistoryTrouble error={historyError} />;
  }
  const { transitions } = history;
  return (
    <>
      <PlayersChart history={history} capacity={shown.row.record.capacity ?? null} />
      <h3>
        {texts.title} {transitions.length >= 100 && <span className="dim">{texts.last(transitions.length)}</span>}
      </h3>
      {transitions.length === 0 ? (
        <p className="dim">{texts.none}</p>
      ) : (
        <ol className="time">
          {transitions.map((each, index) => <Entry key={each.seq} of={each} next={transitions[index + 1]} />).reverse()}
        </ol>
      )}
      {history.lives.length > 0 && <Lives lives={history.lives} />}
    </>
  );
}
