import type { NamedSuiteVersion } from "../services/suite/internal.ts";
import { AuditTable } from "./audit-table.tsx";

/** A suite at its newest version, with its audit, and the versions there are. */
export function SuitePage({ suite, versions }: { suite: NamedSuiteVersion; versions: readonly NamedSuiteVersion[] }) {
  const { name, version } = suite;
  return (
    <>
      <h1>{name}</h1>
      <p class="summary">
        <code>{version.version}</code>: {version.task}, answered by the output {version.output}.
      </p>
      <h2>Audit</h2>
      <AuditTable version={version} />
      <h2>Versions</h2>
      <ul>
        {versions.map(({ version: { version, status, putAt } }) => (
          <li>
            <code>{version}</code> {status}{" "}
            <span class="faint">{putAt.toISOString().slice(0, 16).replace("T", " ")}</span>
          </li>
        ))}
      </ul>
    </>
  );
}
