import type { TrajectoryPoint } from "../services/checkpoint/trajectory.ts";
import type { ServedVerdict } from "../services/judgement/get-verdict.ts";
import type { PinnedModel } from "../services/model/internal.ts";
import { AuditTable } from "./audit-table.tsx";
import { provenanceWords, verdictTone, verdictWords } from "./layout.tsx";
import { shortNumber, splitColors, TrajectoryPlot } from "./plot.tsx";
import type { StepAxis } from "./scale.ts";

export interface ModelPageProps {
  model: PinnedModel;
  verdict: ServedVerdict;
  points: readonly TrajectoryPoint[];
  axis: StepAxis;
}

/** What a person needs to decide: the verdict in words, the curve it rests on, and the evidence in numbers. */
export function ModelPage({ model, verdict, points, axis }: ModelPageProps) {
  const splits = model.suiteVersion.splits.map(({ name }) => name);
  const evaluated = points.filter((point) => point.splits !== null).length;
  const failed = points.filter((point) => point.failure !== null);
  return (
    <>
      <h1>{model.name}</h1>
      <p class={`verdict ${verdictTone(verdict.verdict)}`}>{verdictWords(verdict.verdict)}</p>
      <p class="summary">{verdict.summary}</p>
      <ul class="facts">
        <Fact name="deployable" value={verdict.deployable ? "yes" : "no"} />
        {verdict.route ? <Fact name="route" value={verdict.route} /> : null}
        {verdict.kind ? <Fact name="kind" value={verdict.kind} /> : null}
        {verdict.benchmarkBlind ? <Fact name="benchmark blind" value="validation alone would have passed it" /> : null}
        <Fact name="evidence" value={provenanceWords(verdict.evidence.provenance)} />
        <Fact name="as of step" value={verdict.asOfStep === null ? "none yet" : String(verdict.asOfStep)} />
        <Fact name="evaluated" value={`${evaluated} of ${points.length} checkpoints`} />
        <Fact name="suite" value={`${model.suiteName} ${model.suiteVersion.version.slice(0, 15)}`} />
        {model.ensemble === null ? null : (
          <li>
            <span class="faint">ensemble</span> <a href={`/ensembles/${model.ensemble}`}>{model.ensemble}</a>
          </li>
        )}
      </ul>
      <figure>
        <TrajectoryPlot points={points} splits={splits} transitions={verdict.transitions} axis={axis} />
        <figcaption>
          <Legend splits={splits} />
          <span class="faint">
            Bands run from a transition's onset to where it settled; the dotted line is where it was detected. Step
            axis: {axis === "log" ? <a href="?axis=linear">linear</a> : <a href="?axis=log">logarithmic</a>}
          </span>
        </figcaption>
      </figure>
      <Evidence verdict={verdict} />
      <Transitions model={model} verdict={verdict} />
      <h2>
        Audit of <a href={`/suites/${model.suiteName}`}>{model.suiteName}</a>
      </h2>
      <AuditTable version={model.suiteVersion} />
      {verdict.caveats.length > 0 ? (
        <>
          <h2>Caveats</h2>
          <ul>
            {verdict.caveats.map(({ message }) => (
              <li>{message}</li>
            ))}
          </ul>
        </>
      ) : null}
      {failed.length > 0 ? (
        <>
          <h2>Checkpoints that could not be evaluated</h2>
          <ul>
            {failed.slice(-10).map(({ step, failure }) => (
              <li>
                Step {step}: {failure?.message}
              </li>
            ))}
          </ul>
        </>
      ) : null}
    </>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <li>
      <span class="faint">{name}</span> <b>{value}</b>
    </li>
  );
}

function Legend({ splits }: { splits: readonly string[] }) {
  const colors = [...splitColors(splits)];
  return (
    <ul class="legend">
      {[...colors, ["weight norm", "#a05a2c"] as const].map(([name, color]) => (
        <li>
          <svg viewBox="0 0 16 6" aria-hidden="true">
            <line
              x1="0"
              x2="16"
              y1="3"
              y2="3"
              stroke={color}
              stroke-width="3"
              stroke-dasharray={name === "weight norm" ? "4 2" : undefined}
            />
          </svg>
          {name}
        </li>
      ))}
    </ul>
  );
}

function Evidence({ verdict }: { verdict: ServedVerdict }) {
  const { splits, weightNorm } = verdict.evidence;
  if (splits.length === 0) return null;
  return (
    <>
      <h2>Evidence</h2>
      <div class="scroll">
        <table>
          <tr>
            <th>split</th>
            <th>phase</th>
            <th>level</th>
            <th>95% interval</th>
            <th>chance</th>
            <th>examples</th>
          </tr>
          {splits.map(({ split, phase, level, interval, chance, total }) => (
            <tr>
              <td>{split}</td>
              <td>{phase}</td>
              <td class="number">{level.toFixed(3)}</td>
              <td class="number">
                {interval[0].toFixed(3)} to {interval[1].toFixed(3)}
              </td>
              <td class="number">{chance.toFixed(3)}</td>
              <td class="number">{total}</td>
            </tr>
          ))}
        </table>
      </div>
      {weightNorm ? (
        <p class="faint">
          Weight norm {shortNumber(weightNorm.now)}, {weightNorm.trend}; it peaked at {shortNumber(weightNorm.peak)} at
          step {weightNorm.peakStep}
          {weightNorm.coincident ? ", and fell across the transition" : ""}.
        </p>
      ) : null}
    </>
  );
}

function flippedAt({ id }: PinnedModel, { id: transition, split }: ServedVerdict["transitions"][number]): string {
  return `/models/${id}/compare?${new URLSearchParams({ transition, split })}`;
}

function Transitions({ model, verdict }: { model: PinnedModel; verdict: ServedVerdict }) {
  return (
    <>
      <h2>Transitions</h2>
      {verdict.transitions.length === 0 ? (
        <p class="faint">
          {verdict.asOfStep === null ? "Nothing is evaluated yet." : `None by step ${verdict.asOfStep}.`}
        </p>
      ) : (
        <div class="scroll">
          <table>
            <tr>
              <th>split</th>
              <th>kind</th>
              <th>onset</th>
              <th>detected</th>
              <th>settled</th>
              <th>from</th>
              <th>to</th>
              <th>flipped</th>
            </tr>
            {verdict.transitions.map((transition) => (
              <tr>
                <td>{transition.split}</td>
                <td>{transition.kind}</td>
                <td class="number">{transition.onsetStep}</td>
                <td class="number">{transition.detectedAtStep}</td>
                <td class="number">{transition.settledStep ?? "not yet"}</td>
                <td class="number">{transition.from.toFixed(3)}</td>
                <td class="number">{transition.to?.toFixed(3) ?? "…"}</td>
                <td>
                  {verdict.evidence.provenance === "reported" ? (
                    <span class="faint">not known</span>
                  ) : (
                    <a href={flippedAt(model, transition)}>which examples</a>
                  )}
                </td>
              </tr>
            ))}
          </table>
        </div>
      )}
    </>
  );
}
