/** A value over time, with its interval; every point leads to the items behind it. */

import { Link } from "wouter";
import { chooseTicks, place, type Axis } from "./axis";

export interface Point {
  readonly atMs: number;
  /** Null: not defined there; the line has a gap. */
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
  /** What a screen reader says, and a pointer sees. */
  readonly text: string;
  readonly href: string;
}

export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
}

const WIDTH = 560;
const HEIGHT = 210;
const MANY = 15;
const MARGIN = { left: 46, right: 14, top: 12, bottom: 26 };

/** `chooseRange` says from the values where the axis begins and ends. */
export function LineChart({ title, series, formatX, formatY, chooseRange, limit }: {
  title: string; series: readonly Series[]; formatX: (ms: number) => string; formatY: (value: number) => string;
  chooseRange: (values: readonly number[]) => [number, number];
  /** A line across, that something happens at. */
  limit?: number;
}) {
  const points = series.flatMap((one) => one.points);
  const values = points.flatMap((one) => [one.value, one.low, one.high]).filter((value) => value !== null);
  const times = points.map((one) => one.atMs);
  const [low, high] = chooseRange(values);
  const y: Axis = { low, high, from: HEIGHT - MARGIN.bottom, to: MARGIN.top };
  const x = makeTimeAxis(times);
  return (
    <figure className="chart">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="group" aria-label={title}>
        {chooseTicks(low, high, 4).map((tick) => (
          <g key={tick} className="chart-tick" aria-hidden="true">
            <line x1={MARGIN.left} x2={WIDTH - MARGIN.right} y1={place(y, tick)} y2={place(y, tick)} />
            <text x={MARGIN.left - 7} y={place(y, tick) + 4} textAnchor="end">{formatY(tick)}</text>
          </g>
        ))}
        {limit !== undefined && <line className="chart-limit" x1={MARGIN.left} x2={WIDTH - MARGIN.right} y1={place(y, limit)} y2={place(y, limit)} />}
        {thin([...new Set(times)].sort((left, right) => left - right), 6).map((time) => (
          <text key={time} className="chart-tick" x={place(x, time)} y={HEIGHT - 7} textAnchor="middle" aria-hidden="true">{formatX(time)}</text>
        ))}
        {series.map((one, k) => <Line key={one.name} series={one} hue={k} x={x} y={y} />)}
      </svg>
      <figcaption className="row">{series.map((one, k) => <span key={one.name} className="row"><span className="swatch" style={{ background: `var(--line-${k % 4})` }} />{one.name}</span>)}</figcaption>
    </figure>
  );
}

function makeTimeAxis(times: readonly number[]): Axis {
  const [first, last] = [Math.min(...times), Math.max(...times)];
  const room = first === last ? 1 : (last - first) * 0.03;
  return { low: first - room, high: last + room, from: MARGIN.left, to: WIDTH - MARGIN.right };
}

/** At most so many, evenly, the first and the last among them. */
function thin(values: readonly number[], most: number): readonly number[] {
  if (values.length <= most) return values;
  return Array.from({ length: most }, (_, k) => values[Math.round((k * (values.length - 1)) / (most - 1))]!);
}

function Line({ series, hue, x, y }: { series: Series; hue: number; x: Axis; y: Axis }) {
  const colour = `var(--line-${hue % 4})`;
  return (
    <g style={{ color: colour }}>
      {listRuns(series.points).map((run) => (
        <polyline key={run[0]!.atMs} className="chart-line" points={run.map((one) => `${place(x, one.atMs)},${place(y, one.value!)}`).join(" ")} />
      ))}
      {series.points.map((one) => one.value !== null && (
        <Link key={one.atMs} href={one.href} asChild><a aria-label={`${series.name}: ${one.text}`}>
          <title>{one.text}</title>
          {one.low !== null && one.high !== null && <line className="chart-interval" x1={place(x, one.atMs)} x2={place(x, one.atMs)} y1={place(y, one.low)} y2={place(y, one.high)} />}
          <circle cx={place(x, one.atMs)} cy={place(y, one.value)} r={series.points.length > MANY ? 3.5 : 5} />
        </a></Link>
      ))}
    </g>
  );
}

/** Stretches of points that have a value: a line does not go where nothing is known. */
export function listRuns(points: readonly Point[]): Point[][] {
  const runs: Point[][] = [[]];
  for (const point of points) {
    if (point.value === null) runs.push([]);
    else runs.at(-1)!.push(point);
  }
  return runs.filter((run) => run.length > 0);
}
