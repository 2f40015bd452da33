import { join } from "node:path";
import { parseArgs } from "node:util";
import { messageOf, StackError } from "./errors.ts";
import { interrupted, interruptible } from "./interrupt.ts";
import { ROOT } from "./root.ts";
import { type StackOptions, startStack } from "./stack.ts";

const USAGE = `usage: npm run --silent local -- [--port N] [--data DIR] [--postgres URL] [--s3 URL]
  --port N         where the API listens on 127.0.0.1; 0 for any free port (8787)
  --data DIR       database, objects and keys (.curie-point in the repository)
  --postgres URL   a Postgres in the place of the embedded one: postgres://user:password@host:5432/database
  --s3 URL         a store in the place of the embedded one: http://KEY:SECRET@host:9000/bucket`;

function parse(args: string[]): Pick<StackOptions, "data" | "port" | "postgres" | "s3"> {
  const { values } = parseArgs({
    args,
    options: {
      port: { type: "string", default: "8787" },
      data: { type: "string", default: join(ROOT, ".curie-point") },
      postgres: { type: "string" },
      s3: { type: "string" },
    },
  });
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error(`--port ${values.port} is not a port`);
  return { ...values, port };
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** The whole life of the command, until the process exits. The overrides are for tests of the command itself. */
export async function runCli(args: string[], overrides: Partial<StackOptions> = {}): Promise<never> {
  let options: ReturnType<typeof parse>;
  try {
    options = parse(args);
  } catch (error) {
    say(`${messageOf(error)}\n${USAGE}`);
    process.exit(2);
  }
  const interruption = interruptible();
  try {
    const stack = await startStack({ ...options, log: say, signal: interruption, ...overrides });
    process.stdout.write(`${JSON.stringify({ url: stack.url, adminKey: stack.adminKey })}\n`);
    await interrupted(interruption);
    await stack.close();
    process.exit(0);
  } catch (error) {
    if (interruption.aborted) process.exit(130);
    const bug = error instanceof Error ? error.stack : String(error);
    say(error instanceof StackError ? error.message : `unexpected: ${bug}`);
    process.exit(1);
  }
}
