import { useState, type PointerEvent } from "react";
import { bandOf, type Stretch } from "../../fleet/band";
import { shownStatus } from "../../fleet/row";
import { pathsOf, roundTop, summaryOf, topOf } from "../../fleet/spark";
import { serverNow } from "../../wire/clock";
import type { ServerHistory } from "../../wire/types";
import { useSpoken } from "../../words/use";

const WIDTH = 600;
const HEIGHT = 100;
const MARKS = [60, 45, 30, 15];

function clock(ms: number, language: string): string {
  return new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(ms);
}

function Band({ stretches, begin, now }: { stretches: Stretch[]; begin: number; now: number }) {
  const { words, language } = useSpoken();
  const name = ({ status }: Stretch) => (status === undefined ? words.common.unknown : status === null ? words.common.none : shownStatus(status) === "unknown" && status !== "unknown" ? status : words.statuses[shownStatus(status)]);
  const label = stretches.map((each) => `${clock(each.from, language)} ${name(each)}`).join(", ");
  return (
    <div className="chart-band" role="img" aria-label={`${words.server.chart.band}: ${label}`}>
      {stretches.map((each) => (
        <span
          key={each.from}
          data-status={each.status == null ? undefined : shownStatus(each.status)}
          data-nothing={each.status === null ? "gone" : each.status === undefined ? "unsure" : undefined}
          title={`${clock(each.from, language)} – ${clock(each.to, language)}: ${name(each)}`}
          style={{ left: `${((each.from - begin) / (now - begin)) * 100}%`, width: `${((each.to - each.from) / (now - begin)) * 100}%` }}
        />
      ))}
    </div>
  );
}

/** The players of the last hour, what the server was in it, and where nothing was recorded. */
export function PlayersChart({ history, capacity }: { history: ServerHistory; capacity: number | null }) {
  const { words, language } = useSpoken();
  const [at, setAt] = useState<number | null>(null);
  const { values, step, until } = history.players;
  const end = Date.parse(until);
  const begin = end - (values.length - 1) * step * 1000;
  const summary = summaryOf(values);
  const top = roundTop(topOf(values, null));
  const { line, area } = pathsOf(values, top, WIDTH, HEIGHT);
  const moved = (event: PointerEvent<HTMLDivElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    const index = Math.round(((event.clientX - box.left) / box.width) * (values.length - 1));
    setAt(Math.max(0, Math.min(values.length - 1, index)));
  };
  const told = at === null ? null : `${clock(begin + at * step * 1000, language)} · ${words.server.chart.minute(values[at] ?? null)}`;
  const seats = capacity !== null && capacity <= top ? capacity : null;
  return (
    <figure className="chart">
      <figcaption>
        <h3>{words.server.chart.title}</h3>
        <span className="dim num">{told ?? (seats === null ? "" : words.server.chart.capacity(seats))}</span>
      </figcaption>
      <div className="chart-box" onPointerMove={moved} onPointerDown={moved} onPointerLeave={() => setAt(null)}>
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={summary === null ? words.server.chart.nothing : words.server.chart.label(summary)}>
          {[0.25, 0.5, 0.75].map((each) => (
            <path key={each} className="chart-rule" d={`M${WIDTH * each} 0V${HEIGHT}`} />
          ))}
          <path className="chart-rule" d={`M0 ${HEIGHT / 2}H${WIDTH}`} />
          {seats !== null && <path className="chart-seats" d={`M0 ${HEIGHT - (seats / top) * HEIGHT}H${WIDTH}`} />}
          <path className="spark-area" d={area} />
          <path className="spark-line" d={line} />
          {at !== null && <path className="chart-at" d={`M${(at / (values.length - 1)) * WIDTH} 0V${HEIGHT}`} />}
        </svg>
        {summary === null && <span className="chart-nothing dim">{words.server.chart.nothing}</span>}
        <span className="chart-top dim num">{top.toLocaleString(language)}</span>
      </div>
      <Band stretches={bandOf(history, begin, Math.min(end + step * 1000, serverNow()))} begin={begin} now={end} />
      <div className="chart-times dim num" aria-hidden="true">
        {MARKS.map((each) => (
          <span key={each}>{clock(end - each * 60_000, language)}</span>
        ))}
        <span>{clock(end, language)}</span>
      </div>
    </figure>
  );
}
