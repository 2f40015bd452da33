import { appendFileSync } from "node:fs";
import type { TestProject } from "vitest/node";
import { startPrivateStack } from "./private-stack.ts";
import type { Service } from "./service.ts";

declare module "vitest" {
  interface ProvidedContext {
    service: Service;
  }
}

/** Boots the stack that the files of this folder share. TEST_STACK_LOG names a file for what it says. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const path = process.env["TEST_STACK_LOG"];
  const stack = await startPrivateStack(path ? { log: (line) => appendFileSync(path, `${line}\n`) } : {});
  const { url, connection } = stack;
  project.provide("service", { url, connection });
  return stack.close;
}
