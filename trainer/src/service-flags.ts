import { readFile } from "node:fs/promises";
import type { ClientSettings } from "./client/client.ts";
import { UsageError } from "./usage-error.ts";

/** The service of --url, with the key of --key-file or of CURIE_POINT_KEY. Throws UsageError. */
export async function readService(url: string, keyFile: string | undefined): Promise<ClientSettings> {
  return { url: toUrl(url), key: await readKey(keyFile) };
}

function toUrl(text: string): string {
  if (!/^https?:$/.test(URL.parse(text)?.protocol ?? "")) throw new UsageError(`--url must be http(s), got "${text}"`);
  return text;
}

async function readKey(file: string | undefined): Promise<string> {
  const key = file === undefined ? process.env["CURIE_POINT_KEY"] : await readKeyFile(file);
  if (!key?.trim()) throw new UsageError("give the key by --key-file or in CURIE_POINT_KEY");
  return key.trim();
}

async function readKeyFile(file: string): Promise<string> {
  return await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`--key-file ${file} cannot be read: ${error.code ?? error.message}`);
  });
}
