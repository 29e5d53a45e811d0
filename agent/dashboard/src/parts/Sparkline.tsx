import { memo } from "react";
import { pathsOf, summaryOf, topOf, type Values } from "../fleet/spark";
import { useWords } from "../words/use";
import "./Sparkline.css";

const WIDTH = 120;
const HEIGHT = 24;

/** A line of numbers by the minute, as wide and high as its box. `capacity`: what the top is at least. */
export const Sparkline = memo(function Sparkline({ values, capacity = null }: { values: Values; capacity?: number | null }) {
  const words = useWords();
  const summary = summaryOf(values);
  const label = summary === null ? words.server.chart.nothing : words.server.chart.label(summary);
  const { line, area } = pathsOf(values, topOf(values, capacity), WIDTH, HEIGHT);
  return (
    <svg className="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={label}>
      <title>{label}</title>
      <path className="spark-area" d={area} />
      <path className="spark-line" d={line} />
    </svg>
  );
});
