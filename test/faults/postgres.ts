import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findPort } from "../../local/ports.ts";

export interface PostgresServer {
  url: string;
  close(): void;
}

const DEBIAN = "/usr/lib/postgresql";

/** What to say where there is neither a server nor the means to start one. */
export const POSTGRES_MISSING =
  "Faults are tried on a real Postgres, and none is here: set TEST_POSTGRES_URL (postgres://user@host/database, may create databases), or install Debian's postgresql.";

/** The server that TEST_POSTGRES_URL names, or Debian's in a temporary folder; null where there is neither. */
export async function startPostgresServer(): Promise<PostgresServer | null> {
  const given = process.env["TEST_POSTGRES_URL"];
  if (given) return { url: given, close: () => {} };
  const bin = findBin();
  return bin === null ? null : await startDebians(bin);
}

function findBin(): string | null {
  if (!existsSync(DEBIAN)) return null;
  const [newest] = readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a));
  const bin = join(DEBIAN, newest ?? "", "bin");
  return existsSync(join(bin, "initdb")) ? bin : null;
}

async function startDebians(bin: string): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), "curie-point-faults-"));
  const data = join(folder, "data");
  const port = await findPort(0);
  // initdb refuses to run as root. What dies here are clients and never the server, so nothing needs to reach a disk.
  const settings = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=${folder} -c fsync=off -c max_connections=200`;
  asPostgres(`${bin}/initdb -D ${data} -A trust -U postgres -E UTF8 --locale=C`, folder);
  asPostgres(`${bin}/pg_ctl -D ${data} -w -s -l ${folder}/log -o '${settings}' start`, folder);
  return {
    url: `postgres://postgres:none@127.0.0.1:${port}/postgres`,
    close() {
      asPostgres(`${bin}/pg_ctl -D ${data} -m immediate -s stop`, folder);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function asPostgres(command: string, folder: string): void {
  if (process.getuid?.() !== 0) {
    execFileSync("sh", ["-c", command], { stdio: "ignore" });
    return;
  }
  execFileSync("chown", ["postgres", folder]);
  execFileSync("su", ["postgres", "-s", "/bin/sh", "-c", command], { stdio: "ignore" });
}
