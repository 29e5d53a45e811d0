import type { PlannedWave } from "../../wire/drains";
import { useWords } from "./words";

const HEIGHT = 96;
const WIDTH = 400;
/** Beyond it bars are thinner than their gaps. */
const GAPS_UP_TO = 60;

/** Free seats after each wave against the floor. The table has no such column: each bar says its number. */
export function SeatChart({ waves, floor }: { waves: PlannedWave[]; floor: number }) {
  const { plan } = useWords().drains;
  const most = Math.max(floor, 1, ...waves.map((wave) => wave.freeSeatsAfter)) * 1.1;
  const step = WIDTH / waves.length;
  const gap = waves.length > GAPS_UP_TO ? 0 : Math.min(6, step * 0.25);
  const y = (seats: number) => HEIGHT - (seats / most) * HEIGHT;
  const labels = waves.length <= 12;
  return (
    <figure className="seat-chart">
      <figcaption>
        {plan.chart}
        <small className="dim">{plan.chartHint}</small>
      </figcaption>
      <div className="seat-chart-plot">
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={waves.map((wave, at) => plan.bar(at + 1, wave.freeSeatsAfter)).join("; ")}>
          {waves.map((wave, at) => (
            <rect
              key={at}
              data-below={wave.belowFreeSeats ? "" : undefined}
              x={at * step + gap / 2}
              width={step - gap}
              y={Math.min(y(wave.freeSeatsAfter), HEIGHT - 1)}
              height={Math.max(1, HEIGHT - y(wave.freeSeatsAfter))}
            >
              <title>{plan.bar(at + 1, wave.freeSeatsAfter)}</title>
            </rect>
          ))}
          {floor > 0 && <line x1="0" x2={WIDTH} y1={y(floor)} y2={y(floor)} vectorEffect="non-scaling-stroke" />}
        </svg>
        {floor > 0 && (
          <span className="seat-chart-floor num" style={{ bottom: `${(floor / most) * 100}%` }}>
            {plan.floor(floor)}
          </span>
        )}
      </div>
      <div className="seat-chart-labels num" data-ends={labels ? undefined : ""} aria-hidden="true">
        {labels ? (
          waves.map((wave, at) => (
            <span key={at} data-below={wave.belowFreeSeats ? "" : undefined}>
              {wave.freeSeatsAfter}
              {wave.belowFreeSeats && <small>{plan.waits}</small>}
            </span>
          ))
        ) : (
          <>
            <span>1</span>
            <span>{waves.length}</span>
          </>
        )}
      </div>
    </figure>
  );
}
