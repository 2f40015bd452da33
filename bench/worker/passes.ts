import { createMeter } from "../../src/tensors/meter.ts";

/** What an upload is read in. */
const CHUNK = 256 * 1024;

let held: Uint8Array<ArrayBuffer> = new Uint8Array();

/** Passes over a file that is in memory already. The clock stands still in a Worker that computes: the caller has one. */
export async function takePass(request: Request, pathname: string): Promise<Response> {
  if (pathname === "/held") held = new Uint8Array(await request.arrayBuffer());
  else if (pathname === "/hash") await hash();
  else if (pathname === "/measure") measure();
  else return new Response(null, { status: 404 });
  return new Response(null, { status: 204 });
}

async function hash(): Promise<void> {
  const digest = new crypto.DigestStream("SHA-256");
  const writer = digest.getWriter();
  for (const chunk of chunks()) await writer.write(chunk);
  await writer.close();
  await digest.digest;
}

function measure(): void {
  const meter = createMeter("safetensors");
  for (const chunk of chunks()) meter.write(chunk);
  meter.end();
}

function* chunks(): Generator<Uint8Array<ArrayBuffer>> {
  for (let at = 0; at < held.byteLength; at += CHUNK) yield held.subarray(at, at + CHUNK);
}
