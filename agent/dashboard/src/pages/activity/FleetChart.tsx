import { useQuery } from "@tanstack/react-query";
import { useMemo, useState, type KeyboardEvent, type PointerEvent } from "react";
import { get } from "../../wire/http";
import type { FleetHistory } from "../../wire/types";
import { duration } from "../../words/time";
import { useSpoken } from "../../words/use";
import { areaPath, linePath, maxOf, niceMax, seriesOf, stack, STACK, ticks, type Box, type Series } from "./chart";
import { useWords } from "./words";

const WIDTH = 1000;
const HEIGHT = 100;

/** Players, and servers by status, of the last 24 hours. */
export function FleetChart({ type }: { type: string }) {
  const words = useWords();
  const { activity } = words;
  const history = useQuery({
    queryKey: ["fleet", "history"],
    queryFn: ({ signal }) => get<FleetHistory>("/api/fleet/history", signal),
    refetchInterval: 60_000,
  });
  const series = useMemo(() => history.data && seriesOf(history.data, type), [history.data, type]);
  if (series === undefined) {
    return null; // the list beside it says what is wrong
  }
  return (
    <section className="panel fleet-chart" aria-label={activity.chart.title}>
      <h2>{series.minutes >= 1440 || series.minutes === 0 ? activity.chart.title : activity.chart.since(duration(series.minutes * series.stepMs, words))}</h2>
      {series.minutes === 0 ? <p className="dim">{activity.chart.none}</p> : <Plots series={series} />}
    </section>
  );
}

function Plots({ series }: { series: Series }) {
  const words = useWords();
  const { chart } = words.activity;
  const { language } = useSpoken();
  const [cursor, setCursor] = useState<number | null>(null);
  const last = series.minutes - 1;
  const index = cursor === null ? last : Math.min(cursor, last);
  const players = series.players[index];
  const momentOf = (at: number) => new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(at);
  const when = momentOf(series.until - (last - index) * series.stepMs);
  const known = STACK.filter((status) => series.servers[status][index] != null);
  const counts = known.filter((status) => series.servers[status][index]! > 0).map((status) => ({ status, count: series.servers[status][index]! }));
  const all = counts.reduce((sum, each) => sum + each.count, 0);

  const point = (event: PointerEvent<HTMLDivElement>) => {
    const { left, width } = event.currentTarget.getBoundingClientRect();
    setCursor(Math.max(0, Math.min(last, Math.round(((event.clientX - left) / width) * last))));
  };
  const press = (event: KeyboardEvent) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: 60, PageDown: -60, Home: -series.minutes, End: series.minutes }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      setCursor(Math.max(0, Math.min(last, index + step)));
    }
  };
  const playersText = players == null ? chart.unknown : chart.playersOf(players, series.seats[index] ?? null);
  const serversText = known.length === 0 ? chart.unknown : chart.serversAll(all);
  return (
    <div
      className="chart-plots"
      tabIndex={0}
      role="slider"
      aria-label={chart.slider}
      aria-valuemin={0}
      aria-valuemax={last}
      aria-valuenow={index}
      aria-valuetext={`${when}: ${playersText}, ${serversText}, ${counts.map(({ status, count }) => `${count} ${words.statuses[status]}`).join(", ")}`}
      onKeyDown={press}
      onBlur={() => setCursor(null)}
    >
      <div className="chart-plot">
        <div className="chart-name">
          <b>{chart.players}</b>
          <span className="num">
            <span className="dim">{when}</span> {playersText}
          </span>
        </div>
        <Players series={series} cursor={cursor} point={point} leave={() => setCursor(null)} />
      </div>
      <div className="chart-plot">
        <div className="chart-name">
          <b>{chart.servers}</b>
          <span className="num chart-counts">
            <span>
              <span className="dim">{when}</span> {serversText}
            </span>
            {counts.map(({ status, count }) => (
              <span key={status} className="dim">
                <i className="chart-key" data-status={status} aria-hidden="true" />
                {count} {words.statuses[status]}
              </span>
            ))}
          </span>
        </div>
        <Servers series={series} cursor={cursor} point={point} leave={() => setCursor(null)} />
      </div>
      <div className="chart-ticks num" aria-hidden="true">
        {ticks(series).map(({ index: tick, at }) => (
          <span key={tick} style={{ left: `${(tick / Math.max(1, last)) * 100}%` }}>
            {momentOf(at)}
          </span>
        ))}
      </div>
    </div>
  );
}

interface Plot {
  series: Series;
  cursor: number | null;
  point(event: PointerEvent<HTMLDivElement>): void;
  leave(): void;
}

function Frame({ max, children, series, cursor, point, leave }: Plot & { max: number; children: React.ReactNode }) {
  const { language } = useSpoken();
  const number = new Intl.NumberFormat(language, { notation: "compact" });
  return (
    <div className="chart-frame">
      <span className="chart-max num dim" aria-hidden="true">
        {number.format(max)}
      </span>
      <div className="chart-area" onPointerMove={point} onPointerDown={point} onPointerLeave={leave}>
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
          {children}
        </svg>
        {cursor !== null && <i className="chart-cursor" style={{ left: `${(Math.min(cursor, series.minutes - 1) / Math.max(1, series.minutes - 1)) * 100}%` }} />}
      </div>
    </div>
  );
}

function Players(plot: Plot) {
  const { series } = plot;
  const max = niceMax(maxOf(series.players, series.seats));
  const paths = useMemo(() => {
    const box: Box = { width: WIDTH, height: HEIGHT, max };
    const ground = series.players.map((value) => (value === null ? null : 0));
    return { area: areaPath(ground, series.players, box), line: linePath(series.players, box), seats: linePath(series.seats, box) };
  }, [series, max]);
  return (
    <Frame {...plot} max={max}>
      <path className="chart-players" d={paths.area} />
      <path className="chart-players-line" d={paths.line} vectorEffect="non-scaling-stroke" />
      <path className="chart-seats" d={paths.seats} vectorEffect="non-scaling-stroke" />
    </Frame>
  );
}

function Servers(plot: Plot) {
  const { series } = plot;
  const lines = useMemo(() => stack(STACK.map((status) => series.servers[status])), [series]);
  const max = niceMax(maxOf(lines.at(-1)!));
  const paths = useMemo(() => STACK.map((_, at) => areaPath(lines[at]!, lines[at + 1]!, { width: WIDTH, height: HEIGHT, max })), [lines, max]);
  return (
    <Frame {...plot} max={max}>
      {STACK.map((status, at) => (
        <path key={status} className="chart-layer" data-status={status} d={paths[at]} />
      ))}
    </Frame>
  );
}
