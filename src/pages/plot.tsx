import type { Transition } from "../phases/judge.ts";
import type { TrajectoryPoint } from "../services/checkpoint/trajectory.ts";
import { linearScale, logStepScale, type Scale, type StepAxis, thin } from "./scale.ts";

const WIDTH = 900;
const HEIGHT = 400;
const LEFT = 52;
const RIGHT = 60;
const TOP = 16;
const BOTTOM = 46;

/** Told apart by colour-blind eyes too (Okabe and Ito); the norm is dashed besides. */
const TRAIN = "#7f7f7f";
const VALIDATION = "#e69f00";
const OOD = ["#0072b2", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b8a800"];
const NORM = "#a05a2c";

/** The colour of each split, in the order of the suite. */
export function splitColors(splits: readonly string[]): Map<string, string> {
  let ood = 0;
  const color = (split: string): string => {
    if (split === "train") return TRAIN;
    if (split === "validation") return VALIDATION;
    const own = OOD[ood % OOD.length] ?? NORM;
    ood += 1;
    return own;
  };
  return new Map(splits.map((split) => [split, color(split)]));
}

export interface PlotProps {
  points: readonly TrajectoryPoint[];
  splits: readonly string[];
  transitions: readonly Transition[];
  axis: StepAxis;
}

/** Accuracies of each split on the left axis, the weight norm on its own at the right, transitions as bands. */
export function TrajectoryPlot({ points, splits, transitions, axis }: PlotProps) {
  const first = points[0]?.step ?? 0;
  const last = Math.max(points.at(-1)?.step ?? 1, first + 1);
  const right = WIDTH - RIGHT;
  const bottom = HEIGHT - BOTTOM;
  const x = axis === "log" ? logStepScale(first, last, LEFT, right) : linearScale(first, last, LEFT, right, 8);
  const y = linearScale(0, 1, bottom, TOP);
  const norms = points.flatMap(({ step, weightNorm }) => (weightNorm === null ? [] : [{ step, weightNorm }]));
  const norm = linearScale(...padded(norms.map(({ weightNorm }) => weightNorm)), bottom, TOP);
  const colors = splitColors(splits);

  return (
    <svg
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="img"
      aria-label="Accuracy by split and weight norm over training steps"
    >
      {transitions.map((transition) => (
        <TransitionBand
          transition={transition}
          last={last}
          x={x}
          bottom={bottom}
          color={colors.get(transition.split)}
        />
      ))}
      {y.ticks.map((tick) => (
        <g>
          <line class="grid" x1={LEFT} x2={right} y1={y.at(tick)} y2={y.at(tick)} />
          <text class="tick" x={LEFT - 8} y={y.at(tick) + 4} text-anchor="end">
            {tick.toFixed(1)}
          </text>
        </g>
      ))}
      {x.ticks.map((tick) => (
        <g>
          <line class="grid" x1={x.at(tick)} x2={x.at(tick)} y1={bottom} y2={bottom + 5} />
          <text class="tick" x={x.at(tick)} y={bottom + 19} text-anchor="middle">
            {shortNumber(tick)}
          </text>
        </g>
      ))}
      {norm.ticks.map((tick) => (
        <text class="tick" fill={NORM} x={right + 8} y={norm.at(tick) + 4}>
          {shortNumber(tick)}
        </text>
      ))}
      <text class="axis" x={(LEFT + right) / 2} y={HEIGHT - 6} text-anchor="middle">
        {axis === "log" ? "step (logarithmic)" : "step"}
      </text>
      <text class="axis" transform={`translate(14 ${(TOP + bottom) / 2}) rotate(-90)`} text-anchor="middle">
        accuracy
      </text>
      <text
        class="axis"
        fill={NORM}
        transform={`translate(${WIDTH - 8} ${(TOP + bottom) / 2}) rotate(-90)`}
        text-anchor="middle"
      >
        weight norm (L2)
      </text>
      <Curve points={norms.map(({ step, weightNorm }) => [x.at(step), norm.at(weightNorm)])} color={NORM} dashed />
      {splits.map((split) => (
        <Curve
          color={colors.get(split) ?? NORM}
          points={points.flatMap(({ step, splits: results }): [number, number][] => {
            const result = results?.[split];
            return result ? [[x.at(step), y.at(result.correct / result.total)]] : [];
          })}
        />
      ))}
    </svg>
  );
}

/** From onset to settling, or to the last checkpoint while it has not settled. */
function TransitionBand(props: {
  transition: Transition;
  last: number;
  x: Scale;
  bottom: number;
  color: string | undefined;
}) {
  const { transition, last, x, bottom, color } = props;
  const from = x.at(transition.onsetStep);
  const to = x.at(transition.settledStep ?? last);
  const detected = x.at(transition.detectedAtStep);
  return (
    <g class="transition">
      <title>{describeTransition(transition)}</title>
      <rect x={from} y={TOP} width={Math.max(1, to - from)} height={bottom - TOP} fill={color} />
      <line x1={detected} x2={detected} y1={TOP} y2={bottom} stroke={color} />
    </g>
  );
}

export function describeTransition({ kind, split, onsetStep, settledStep, detectedAtStep }: Transition): string {
  const end = settledStep === null ? "not settled yet" : `settled at step ${settledStep}`;
  return `${kind} on ${split}: onset at step ${onsetStep}, detected at ${detectedAtStep}, ${end}`;
}

function Curve({ points, color, dashed }: { points: [number, number][]; color: string; dashed?: boolean }) {
  const drawn = thin(points, WIDTH);
  return (
    <polyline
      fill="none"
      stroke={color}
      stroke-width={dashed ? 1.2 : 2}
      stroke-dasharray={dashed ? "5 4" : undefined}
      stroke-linejoin="round"
      points={drawn.map(([px, py]) => `${px.toFixed(1)},${py.toFixed(1)}`).join(" ")}
    />
  );
}

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
