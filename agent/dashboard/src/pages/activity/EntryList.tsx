import { memo, useMemo } from "react";
import { Link } from "wouter";
import { places } from "../../app/places";
import { shownStatus } from "../../fleet/row";
import { StatusPill } from "../../parts/StatusPill";
import { useSpoken } from "../../words/use";
import type { Entry } from "./log";
import { useWords } from "./words";

/** Under a heading for each day. A row that is not in sight costs nothing but its place (content-visibility). */
export function EntryList({ entries, still }: { entries: readonly Entry[]; still(inside: boolean): void }) {
  const { language } = useSpoken();
  const clock = useMemo(() => {
    const format = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
    return (at: string) => format.format(Date.parse(at));
  }, [language]);
  const days: { day: string; entries: Entry[] }[] = [];
  for (const entry of entries) {
    const day = new Date(entry.at).toDateString();
    if (days.at(-1)?.day === day) {
      days.at(-1)!.entries.push(entry);
    } else {
      days.push({ day, entries: [entry] });
    }
  }
  return (
    <div
      className="panel activity-list"
      onPointerEnter={(event) => event.pointerType === "mouse" && still(true)}
      onPointerLeave={() => still(false)}
      onFocus={() => still(true)}
      onBlur={() => still(false)}
    >
      {days.map(({ day, entries: of }) => (
        <section key={day}>
          <DayHead day={day} />
          <ul>
            {of.map((entry) => (
              <Line key={entry.seq} entry={entry} clock={clock} />
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
}

function DayHead({ day }: { day: string }) {
  const { activity } = useWords();
  const { language } = useSpoken();
  const at = new Date(day);
  const days = Math.round((new Date(new Date().toDateString()).getTime() - at.getTime()) / 86_400_000);
  const text = new Intl.DateTimeFormat(language, { weekday: "long", month: "long", day: "numeric" }).format(at);
  return <h2>{days === 0 ? `${activity.today}, ${text}` : days === 1 ? `${activity.yesterday}, ${text}` : text}</h2>;
}

const Line = memo(function Line({ entry, clock }: { entry: Entry; clock(at: string): string }) {
  const { activity } = useWords();
  const key = `${entry.type}/${entry.id}`;
  return (
    <li data-status={entry.to === null ? "offline" : shownStatus(entry.to)}>
      <time dateTime={entry.at} className="num dim">
        {clock(entry.at)}
      </time>
      <Link href={places.server(key)} className="mono activity-server" title={key}>
        {key}
      </Link>
      <span className="activity-what">
        <What entry={entry} />
        {entry.unsure && (
          <small className="activity-unsure" title={entry.after === null ? activity.unsureOpen(clock(entry.at)) : activity.unsureHint(clock(entry.after), clock(entry.at))}>
            {activity.unsure}
          </small>
        )}
      </span>
    </li>
  );
});

function Pill({ status }: { status: string }) {
  return shownStatus(status) === "unknown" && status !== "unknown" ? (
    <span className="status" data-status="unknown">
      <bdi>{status}</bdi>
    </span>
  ) : (
    <StatusPill status={shownStatus(status)} />
  );
}

function What({ entry }: { entry: Entry }) {
  const { activity } = useWords();
  const text = textOf(entry, activity);
  return (
    <>
      {entry.from !== null && entry.from !== entry.to && (
        <>
          <Pill status={entry.from} />
          <span className="dim" aria-hidden="true">
            →
          </span>
        </>
      )}
      {entry.kind === "went" ? <StatusPill status={entry.why === "left" ? "shutting_down" : "offline"} /> : entry.to !== null && <Pill status={entry.to} />}
      {text !== "" && (
        <bdi className="activity-text" title={text}>
          {text}
        </bdi>
      )}
    </>
  );
}

function textOf(entry: Entry, activity: ReturnType<typeof useWords>["activity"]): string {
  const because = (text: string) => (entry.reason ? `${text}: ${entry.reason}` : text);
  switch (entry.kind) {
    case "went":
      return activity.whys[entry.why ?? ""] ?? entry.why ?? activity.went;
    case "came":
      return because(activity.came);
    case "restart":
      return because(activity.restarted);
    case "drain":
      return activity.held(entry.drain?.by, entry.drain?.reason);
    case "undrain":
      return activity.released;
    case "reason":
      return because(activity.otherReason);
    default:
      return entry.reason ?? "";
  }
}
