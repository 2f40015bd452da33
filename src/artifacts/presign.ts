import type { StoreConfig } from "./store.ts";

export interface PresignedPart {
  key: string;
  multipartId: string;
  number: number;
  /** Signed with the rest: the store takes no body of another length. */
  bytes: number;
}

const ALGORITHM = "AWS4-HMAC-SHA256";

/**
 * The address at which whoever has it may PUT this part, and nothing else, for `seconds` from `now`. Signature
 * version 4 in the query (AWS, "Authenticating Requests: Using Query Parameters"), path style.
 */
export async function presignPart(
  config: StoreConfig,
  part: PresignedPart,
  { now, seconds }: { now: Date; seconds: number },
): Promise<string> {
  const query = { partNumber: `${part.number}`, uploadId: part.multipartId };
  const url = new URL(`${config.endpoint}/${config.bucket}/${part.key.split("/").map(encode).join("/")}`);
  const headers = { "content-length": `${part.bytes}`, host: url.host };
  return await presign(config, { method: "PUT", url, query, headers }, { now, seconds });
}

export interface PresignableRequest {
  method: string;
  /** Its path encoded as it will be sent, and no query. */
  url: URL;
  query: Record<string, string>;
  /** In lower case; `host` among them. */
  headers: Record<string, string>;
}

export async function presign(
  { region, accessKeyId, secretAccessKey }: Pick<StoreConfig, "region" | "accessKeyId" | "secretAccessKey">,
  { method, url, query, headers }: PresignableRequest,
  { now, seconds }: { now: Date; seconds: number },
): Promise<string> {
  const time = now.toISOString().replace(/[-:]|\.\d+/g, "");
  const date = time.slice(0, 8);
  const scope = `${date}/${region}/s3/aws4_request`;
  const names = Object.keys(headers).sort();
  const all = {
    ...query,
    "X-Amz-Algorithm": ALGORITHM,
    "X-Amz-Credential": `${accessKeyId}/${scope}`,
    "X-Amz-Date": time,
    "X-Amz-Expires": `${seconds}`,
    "X-Amz-SignedHeaders": names.join(";"),
  };
  const canonicalQuery = Object.entries(all)
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join("&");
  const canonicalHeaders = names.map((name) => `${name}:${headers[name]}\n`).join("");
  const canonical = [method, url.pathname, canonicalQuery, canonicalHeaders, names.join(";"), "UNSIGNED-PAYLOAD"];
  const toSign = [ALGORITHM, time, scope, await hashHex(canonical.join("\n"))].join("\n");
  let key: ArrayBuffer = utf8(`AWS4${secretAccessKey}`);
  for (const step of [date, region, "s3", "aws4_request"]) key = await hmac(key, step);
  return `${url.origin}${url.pathname}?${canonicalQuery}&X-Amz-Signature=${hex(await hmac(key, toSign))}`;
}

async function hmac(key: ArrayBuffer, message: string): Promise<ArrayBuffer> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  return await crypto.subtle.sign(
    "HMAC",
    await crypto.subtle.importKey("raw", key, algorithm, false, ["sign"]),
    utf8(message),
  );
}

async function hashHex(message: string): Promise<string> {
  return hex(await crypto.subtle.digest("SHA-256", utf8(message)));
}

function utf8(text: string): ArrayBuffer {
  return Uint8Array.from(new TextEncoder().encode(text)).buffer;
}

export function hex(bytes: ArrayBuffer): string {
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** RFC 3986: more than encodeURIComponent leaves alone is encoded. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}
