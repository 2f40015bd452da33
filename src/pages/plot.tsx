import type { Child } from "hono/jsx";
import type { Transition } from "../phases/judge.ts";
import type { TrajectoryPoint } from "../services/checkpoint/trajectory.ts";
import { linearScale, logStepScale, type Scale, type StepAxis, thin } from "./scale.ts";

const WIDTH = 900;
const HEIGHT = 400;
const LEFT = 52;
const RIGHT = 60;
const TOP = 16;
const BOTTOM = 46;
const [END, FLOOR] = [WIDTH - RIGHT, HEIGHT - BOTTOM];

/** Told apart by colour-blind eyes too (Okabe and Ito); the norm is dashed besides. */
const TRAIN = "#7f7f7f";
const VALIDATION = "#e69f00";
export const LEFT_COLOR = "#0072b2";
const OOD = [LEFT_COLOR, "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b8a800"];
export const RIGHT_COLOR = "#a05a2c";

/** The colour of each split, in the order of the suite. */
export function splitColors(splits: readonly string[]): Map<string, string> {
  let ood = 0;
  const color = (split: string): string => {
    if (split === "train") return TRAIN;
    if (split === "validation") return VALIDATION;
    const own = OOD[ood % OOD.length] ?? RIGHT_COLOR;
    ood += 1;
    return own;
  };
  return new Map(splits.map((split) => [split, color(split)]));
}

export interface TrajectoryPlotProps {
  points: readonly TrajectoryPoint[];
  splits: readonly string[];
  transitions: readonly Transition[];
  axis: StepAxis;
}

/** Accuracies of each split on the left axis, the weight norm on its own at the right, transitions as bands. */
export function TrajectoryPlot({ points, splits, transitions, axis }: TrajectoryPlotProps) {
  const first = points[0]?.step ?? 0;
  const last = Math.max(points.at(-1)?.step ?? 1, first + 1);
  const x = stepScale(axis, first, last);
  const y = heightScale(0, 1);
  const norms = points.flatMap(({ step, weightNorm }) => (weightNorm === null ? [] : [{ step, weightNorm }]));
  const norm = heightScale(...padded(norms.map(({ weightNorm }) => weightNorm)));
  const colors = splitColors(splits);

  return (
    <Plot
      label="Accuracy by split and weight norm over training steps"
      x={{ scale: x, title: axis === "log" ? "step (logarithmic)" : "step" }}
      left={{ scale: y, title: "accuracy" }}
      right={{ scale: norm, title: "weight norm (L2)" }}
    >
      {transitions.map((transition) => (
        <Band
          title={describeTransition(transition)}
          x={x}
          from={transition.onsetStep}
          to={transition.settledStep ?? last}
          at={transition.detectedAtStep}
          color={colors.get(transition.split)}
        />
      ))}
      <Curve
        points={norms.map(({ step, weightNorm }) => [x.at(step), norm.at(weightNorm)])}
        color={RIGHT_COLOR}
        dashed
      />
      {splits.map((split) => (
        <Curve
          color={colors.get(split) ?? RIGHT_COLOR}
          points={points.flatMap(({ step, splits: results }): [number, number][] => {
            const result = results?.[split];
            return result ? [[x.at(step), y.at(result.correct / result.total)]] : [];
          })}
        />
      ))}
    </Plot>
  );
}

interface Axis {
  scale: Scale;
  title: string;
}

/** The frame of a plot: an axis below, one at each side, the right one in its curve's colour. */
export function Plot(props: { label: string; x: Axis; left: Axis; right: Axis; children?: Child }) {
  const { label, x, left, right, children } = props;
  return (
    <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
      {left.scale.ticks.map((tick) => (
        <g>
          <line class="grid" x1={LEFT} x2={END} y1={left.scale.at(tick)} y2={left.scale.at(tick)} />
          <text class="tick" x={LEFT - 8} y={left.scale.at(tick) + 4} text-anchor="end">
            {tick.toFixed(1)}
          </text>
        </g>
      ))}
      {x.scale.ticks.map((tick) => (
        <g>
          <line class="grid" x1={x.scale.at(tick)} x2={x.scale.at(tick)} y1={FLOOR} y2={FLOOR + 5} />
          <text class="tick" x={x.scale.at(tick)} y={FLOOR + 19} text-anchor="middle">
            {shortNumber(tick)}
          </text>
        </g>
      ))}
      {right.scale.ticks.map((tick) => (
        <text class="tick" fill={RIGHT_COLOR} x={END + 8} y={right.scale.at(tick) + 4}>
          {shortNumber(tick)}
        </text>
      ))}
      <text class="axis" x={(LEFT + END) / 2} y={HEIGHT - 6} text-anchor="middle">
        {x.title}
      </text>
      <text class="axis" transform={`translate(14 ${(TOP + FLOOR) / 2}) rotate(-90)`} text-anchor="middle">
        {left.title}
      </text>
      <text
        class="axis"
        fill={RIGHT_COLOR}
        transform={`translate(${WIDTH - 8} ${(TOP + FLOOR) / 2}) rotate(-90)`}
        text-anchor="middle"
      >
        {right.title}
      </text>
      {children}
    </svg>
  );
}

export const stepScale = (axis: StepAxis, first: number, last: number): Scale =>
  axis === "log" ? logStepScale(first, last, LEFT, END) : linearScale(first, last, LEFT, END, 8);

export const heightScale = (low: number, high: number): Scale => linearScale(low, high, FLOOR, TOP);

/** A stretch of the axis below, with a dotted line where it was told. */
export function Band(props: {
  title: string;
  x: Scale;
  from: number;
  to: number;
  at: number;
  color: string | undefined;
}) {
  const { title, x, from, to, at, color } = props;
  return (
    <g class="transition">
      <title>{title}</title>
      <rect x={x.at(from)} y={TOP} width={Math.max(1, x.at(to) - x.at(from))} height={FLOOR - TOP} fill={color} />
      <line x1={x.at(at)} x2={x.at(at)} y1={TOP} y2={FLOOR} stroke={color} />
    </g>
  );
}

export function describeTransition({ kind, split, onsetStep, settledStep, detectedAtStep }: Transition): string {
  const end = settledStep === null ? "not settled yet" : `settled at step ${settledStep}`;
  return `${kind} on ${split}: onset at step ${onsetStep}, detected at ${detectedAtStep}, ${end}`;
}

export function Curve({ points, color, dashed }: { points: [number, number][]; color: string; dashed?: boolean }) {
  const drawn = thin(points, WIDTH);
  return (
    <polyline
      fill="none"
      stroke={color}
      stroke-width={dashed ? 1.2 : 2}
      stroke-dasharray={dashed ? "5 4" : undefined}
      stroke-linejoin="round"
      points={written(drawn)}
    />
  );
}

export const written = (points: readonly [number, number][]): string =>
  points.map(([px, py]) => `${px.toFixed(1)},${py.toFixed(1)}`).join(" ");

function padded(values: readonly number[]): [number, number] {
  const finite = values.filter(Number.isFinite);
  const low = finite.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const high = finite.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  if (finite.length === 0) return [0, 1];
  const margin = (high - low || Math.abs(high) || 1) * 0.05;
  return [low - margin, high + margin];
}

export function shortNumber(value: number): string {
  if (Math.abs(value) >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`;
  if (Math.abs(value) >= 1e4) return `${Number((value / 1e3).toPrecision(3))}k`;
  return String(Number(value.toPrecision(4)));
}
