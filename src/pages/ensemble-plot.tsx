import { Band, Curve, heightScale, LEFT_COLOR, Plot, RIGHT_COLOR, stepScale, written } from "./plot.tsx";

export interface EnsemblePlotProps {
  /** In order of `at`, a step or a setting. */
  points: readonly { at: number; m: number; mSe: number; susceptibility: number }[];
  title: string;
  /** Where the susceptibility peaks, if it is told. */
  peak: { at: number; between: readonly [number, number] } | null;
}

/** The order parameter with twice its standard error on the left axis, the susceptibility at the right. */
export function EnsemblePlot({ points, title, peak }: EnsemblePlotProps) {
  const [first, last] = [points[0]?.at ?? 0, points.at(-1)?.at ?? 1];
  const x = stepScale("linear", first, last);
  const y = heightScale(Math.min(0, ...points.map(({ m, mSe }) => m - 2 * mSe)), 1);
  const chi = heightScale(0, Math.max(...points.map(({ susceptibility }) => susceptibility)) * 1.05 || 1);
  const along = (of: (point: EnsemblePlotProps["points"][number]) => number): [number, number][] =>
    points.map((point) => [x.at(point.at), of(point)]);
  return (
    <Plot
      label={`Order parameter and susceptibility over ${title}`}
      x={{ scale: x, title }}
      left={{ scale: y, title: "order parameter m" }}
      right={{ scale: chi, title: "susceptibility" }}
    >
      {peak ? (
        <Band
          title={`susceptibility peaks at ${peak.at}, between ${peak.between[0]} and ${peak.between[1]}`}
          x={x}
          from={peak.between[0]}
          to={peak.between[1]}
          at={peak.at}
          color={RIGHT_COLOR}
        />
      ) : null}
      <polygon
        fill={LEFT_COLOR}
        opacity="0.15"
        points={written([
          ...along(({ m, mSe }) => y.at(Math.min(1, m + 2 * mSe))),
          ...along(({ m, mSe }) => y.at(m - 2 * mSe)).toReversed(),
        ])}
      />
      <Curve points={along(({ susceptibility }) => chi.at(susceptibility))} color={RIGHT_COLOR} dashed />
      <Curve points={along(({ m }) => y.at(m))} color={LEFT_COLOR} />
    </Plot>
  );
}
