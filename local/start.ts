// npm start: the whole of Curie Point on one machine. Boots the embedded stack, trains a network that groks, pushes
// its checkpoints, and shows the phases as they change.
import { spawn } from "node:child_process";
import { createWriteStream, mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { messageOf, StackError } from "./errors.ts";
import { interrupted, interruptible } from "./interrupt.ts";
import { ROOT } from "./root.ts";
import { type Stack, startStack } from "./stack.ts";

const USAGE = `usage: npm start -- [--once] [--seed N] [--port N] [--data DIR]
  --once      exit when the last checkpoint is evaluated and judged; the last line is the verdict as JSON
  --seed N    the network's initial weights (0)
  --port N    where the API listens on 127.0.0.1; 0 for any free port (8787)
  --data DIR  database, objects and keys (.curie-point in the repository)`;

interface Arguments {
  once: boolean;
  seed: string;
  port: number;
  data: string;
}

function parse(args: string[]): Arguments {
  const { values } = parseArgs({
    args,
    options: {
      once: { type: "boolean", default: false },
      seed: { type: "string", default: "0" },
      port: { type: "string", default: "8787" },
      data: { type: "string", default: join(ROOT, ".curie-point") },
    },
  });
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error(`--port ${values.port} is not a port`);
  if (!/^\d{1,9}$/.test(values.seed)) throw new Error(`--seed ${values.seed} is not a whole number`);
  return { ...values, port };
}

/** For people: the verdict alone goes to stdout. */
function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Trains in a process of its own, so that the stack's event loop stays free. Its progress goes to the terminal. */
async function train(stack: Stack, model: string, seed: string, signal: AbortSignal): Promise<string> {
  const script = join(ROOT, "trainer", "src", "grok.ts");
  const child = spawn(process.execPath, [script, "--url", stack.url, "--model", model, "--seed", seed, "--json"], {
    env: { ...process.env, CURIE_POINT_KEY: stack.adminKey },
    stdio: ["ignore", "pipe", "inherit"],
    signal,
  });
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject).once("close", resolve);
  });
  if (code !== 0) throw new StackError(`the training ended with exit code ${code}: its last lines say why`);
  return stdout.trimEnd().split("\n").at(-1) ?? "";
}

function nameOfRun(seed: string): string {
  const now = new Date().toISOString().replace(/[-:]/g, "").slice(0, 15);
  return `add47-seed${seed}-${now}`;
}

async function run({ once, seed, port, data }: Arguments, interruption: AbortSignal): Promise<void> {
  mkdirSync(data, { recursive: true });
  const logFile = join(data, "stack.log");
  const log = createWriteStream(logFile, { flags: "a" });
  say("Starting Postgres, object storage and both Workers");
  const stack = await startStack({ data, port, signal: interruption, log: (line) => log.write(`${line}\n`) });
  try {
    const model = nameOfRun(seed);
    say(
      `\nDashboard  ${stack.url}/models/${model}\nKey        ${stack.adminKey}   (sign in with it)\nLog        ${logFile}\n`,
    );
    say("Training (a + b) mod 47 on half of the pairs; every 25 steps a checkpoint goes through the API.\n");
    const verdict = await train(stack, model, seed, interruption);
    process.stdout.write(`${verdict}\n`);
    if (!once) {
      say(`\nThe stack stays up at ${stack.url}: Ctrl-C ends it.`);
      await interrupted(interruption);
    }
  } finally {
    await stack.close();
    log.end();
  }
}

let args: Arguments;
try {
  args = parse(process.argv.slice(2));
} catch (error) {
  say(`${messageOf(error)}\n${USAGE}`);
  process.exit(2);
}
const interruption = interruptible();
try {
  await run(args, interruption);
  process.exit(0);
} catch (error) {
  if (interruption.aborted) process.exit(130);
  say(error instanceof StackError ? error.message : `unexpected: ${error instanceof Error ? error.stack : error}`);
  process.exit(1);
}
