// Runs before every command on whatever Node the machine has (>= 20), so plain JavaScript and no dependencies.
// Installs when node_modules is missing or was made from another lock file; everything after it runs on the
// project's own Node, which npm puts first on PATH. Output goes to stderr: stdout belongs to the command.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const stamp = `${root}node_modules/.curie-point-lock`;
const lock = createHash("sha256")
  .update(readFileSync(`${root}package-lock.json`))
  .digest("hex");
const installed = existsSync(stamp) && readFileSync(stamp, "utf8") === lock;
if (!installed) {
  process.stderr.write("Installing dependencies (once, about a minute)\n");
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const { status } = spawnSync(npm, ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: root,
    stdio: ["ignore", 2, 2],
    // Its postinstall would fetch CUDA's libraries, of no use here, from outside the registry. From npm 11 on
    // `allowScripts` in package.json keeps it from running at all.
    env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip" },
    shell: process.platform === "win32",
  });
  if (status !== 0) {
    process.stderr.write("npm ci failed: see the lines above\n");
    process.exit(1);
  }
  writeFileSync(stamp, lock);
}
