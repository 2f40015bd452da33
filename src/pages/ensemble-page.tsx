import type { EnsembleDocument } from "../routes/ensembles.ts";
import { EnsemblePlot } from "./ensemble-plot.tsx";
import { provenanceWords, verdictTone, verdictWords } from "./layout.tsx";
import { shortNumber } from "./plot.tsx";

type Seeds = Extract<EnsembleDocument, { reading: unknown }>;
type Sweep = Extract<EnsembleDocument, { cells: unknown }>;
type Untold = { insufficient: string; message: string };

/** What models say together: the curve over steps, or over a swept setting, and what became of each. */
export function EnsemblePage({ ensemble, setting }: { ensemble: EnsembleDocument; setting: string | undefined }) {
  const { suite, provenance, models, splits, caveats } = ensemble;
  const swept = "cells" in ensemble;
  const outcomes = swept ? null : new Map(ensemble.outcomes.members.map((member) => [member.name, member]));
  return (
    <>
      <h1>{ensemble.ensemble}</h1>
      <p class="summary">
        {models.length} {models.length === 1 ? "model" : "models"} on <a href={`/suites/${suite.name}`}>{suite.name}</a>
        {splits.length > 0 ? `, by ${splits.join(", ")}` : ""}
        {provenance ? `; ${provenanceWords(provenance)}` : ""}.
      </p>
      {swept ? <OverSetting sweep={ensemble} setting={setting ?? "setting"} /> : <OverSteps seeds={ensemble} />}
      <h2>Models</h2>
      <div class="scroll">
        <table>
          <tr>
            <th>model</th>
            {swept ? <th>{setting}</th> : null}
            <th>verdict</th>
            {outcomes ? <th>outcome</th> : null}
          </tr>
          {models.map(({ id, name, verdict, setting: value }) => (
            <tr>
              <td>
                <a href={`/models/${id}`}>{name}</a>
              </td>
              {swept ? <td class="number">{value}</td> : null}
              <td class={verdictTone(verdict)}>{verdictWords(verdict)}</td>
              {outcomes ? <td>{outcomes.get(name)?.outcome ?? "not told"}</td> : null}
            </tr>
          ))}
        </table>
      </div>
      {caveats.length > 0 ? (
        <>
          <h2>Caveats</h2>
          <ul>
            {caveats.map(({ message }) => (
              <li>{message}</li>
            ))}
          </ul>
        </>
      ) : null}
    </>
  );
}

function OverSteps({ seeds: { reading } }: { seeds: Seeds }) {
  if (!isTold(reading)) return <p>{reading.message}</p>;
  const { curve, peak, order } = reading;
  return (
    <>
      <figure>
        <EnsemblePlot
          points={curve.map(({ step, ...moments }) => ({ at: step, ...moments }))}
          title="step"
          peak={isTold(peak) ? peak : null}
        />
        <Caption />
      </figure>
      <ul>
        <li>{isTold(peak) ? `The susceptibility peaks at step ${within(peak)}.` : peak.message}</li>
        <li>
          {isTold(order)
            ? `${order.order === "first_order" ? "First order" : "Continuous"}, by the cumulant ${order.cumulant.toFixed(2)} at step ${order.step}.`
            : order.message}
        </li>
      </ul>
    </>
  );
}

function OverSetting({ sweep: { cells, critical, crossings }, setting }: { sweep: Sweep; setting: string }) {
  return (
    <>
      {critical.map(({ size, setting: peak }) => {
        const points = cells.flatMap((cell) =>
          cell.size === size && isTold(cell.final) ? [{ at: cell.setting, ...cell.final }] : [],
        );
        const [it, of] = size === null ? ["It", ""] : [`Size ${size}`, `Size ${size}: `];
        return (
          <>
            {points.length > 1 ? (
              <figure>
                <EnsemblePlot points={points} title={setting} peak={isTold(peak) ? peak : null} />
                <Caption />
              </figure>
            ) : null}
            <p>{isTold(peak) ? `${it} turns at ${setting} ${within(peak)}.` : of + peak.message}</p>
          </>
        );
      })}
      {crossings.map(({ smaller, larger, setting: at }) => (
        <p>
          The cumulants of sizes {smaller} and {larger}:{" "}
          {isTold(at) ? `they cross at ${setting} ${within(at)}.` : at.message}
        </p>
      ))}
      <h2>Cells</h2>
      <div class="scroll">
        <table>
          <tr>
            <th>{setting}</th>
            <th>size</th>
            <th>models</th>
            <th>m</th>
            <th>susceptibility</th>
            <th>mostly</th>
          </tr>
          {cells.map(({ setting: value, size, members, final, outcomes }) => (
            <tr>
              <td class="number">{value}</td>
              <td class="number">{size ?? ""}</td>
              <td class="number">{members}</td>
              <td class="number">{isTold(final) ? `${final.m.toFixed(3)} ± ${final.mSe.toFixed(3)}` : "not told"}</td>
              <td class="number">{isTold(final) ? shortNumber(final.susceptibility) : ""}</td>
              <td>{outcomes.majority ?? ""}</td>
            </tr>
          ))}
        </table>
      </div>
    </>
  );
}

const Caption = () => (
  <figcaption class="faint">
    The order parameter, rescaled from chance to 1, with two standard errors; dashed, the susceptibility at the right.
    The band is where its peak lies.
  </figcaption>
);

const isTold = <Figure extends object>(figure: Figure | Untold): figure is Figure => !("insufficient" in figure);

const within = ({ at, between: [from, to] }: { at: number; between: readonly [number, number] }): string =>
  `${shortNumber(at)} (between ${shortNumber(from)} and ${shortNumber(to)})`;
