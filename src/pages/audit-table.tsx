import { isContaminated } from "../services/judgement/suite-caveats.ts";
import type { SuiteVersionRow } from "../services/suite/internal.ts";

/** A change of accuracy in words. */
export const points = (change: number | null): string =>
  change === null ? "nothing" : `${(change * 100).toFixed(1)} points`;

/** What the suite's audit found of each split: what it shares with train, and how small a change it can show. */
export function AuditTable({ version: { splits, audit } }: { version: Pick<SuiteVersionRow, "splits" | "audit"> }) {
  if (!audit) return <p class="faint">This version is from before there were audits: put the suite again.</p>;
  return (
    <div class="scroll">
      <table>
        <tr>
          <th>split</th>
          <th>rows</th>
          <th>classes</th>
          <th>commonest</th>
          <th>balance</th>
          <th>chance</th>
          <th>in train</th>
          <th>with another answer</th>
          <th>nearly in train</th>
          <th>repeated rows</th>
          <th>resolves, on the same examples</th>
          <th>resolves, independently</th>
        </tr>
        {splits.map(({ name, rows, chance }) => {
          const own = audit.splits.find(({ split }) => split === name);
          if (!own) return null;
          return (
            <tr>
              <td>{name}</td>
              <td class="number">{rows}</td>
              <td class="number">{own.classes ?? ""}</td>
              <td class="number">{own.majority ? `${own.majority.share.toFixed(3)} of ${own.majority.class}` : ""}</td>
              <td class="number">{own.balance?.toFixed(2) ?? ""}</td>
              <td class="number">{chance.toFixed(3)}</td>
              <td class={isContaminated(own, rows) ? "number bad" : "number"}>{own.inTrain ?? ""}</td>
              <td class={own.conflicting ? "number bad" : "number"}>{own.conflicting ?? ""}</td>
              <td class="number">{own.nearTrain ?? ""}</td>
              <td class="number">{own.duplicateRows}</td>
              <td class="number">{points(own.resolves.paired)}</td>
              <td class="number">{points(own.resolves.independent)}</td>
            </tr>
          );
        })}
      </table>
      <p class="faint">
        Smallest changes of accuracy that the distinct examples tell from noise at 95%. One point takes{" "}
        {audit.examplesForOnePoint.toLocaleString("en")} examples between independent measurements.
      </p>
    </div>
  );
}
