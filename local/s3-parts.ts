import type { ServerResponse } from "node:http";
import type { CarefulStore } from "./s3-store.ts";

const MOST_PARTS = 1000;
const GONE = { code: "NoSuchUpload", message: "The specified multipart upload does not exist." } as const;

export interface PartsRequest {
  method: string;
  bucket: string;
  key: string;
  /** Of the request's address. */
  query: URLSearchParams;
}

/** Refuses with an S3 error document. */
export type Refuse = (response: ServerResponse, status: number, code: string, message: string) => void;

/** AbortMultipartUpload and ListParts, which s3rver has not; for requests whose signature it has found good. */
export async function answerParts(
  store: CarefulStore,
  { method, bucket, key, query }: PartsRequest,
  response: ServerResponse,
  refuse: Refuse,
): Promise<void> {
  const uploadId = query.get("uploadId") ?? "";
  if (method === "DELETE") {
    if (await store.abortUpload(bucket, uploadId)) response.writeHead(204).end();
    else refuse(response, 404, GONE.code, GONE.message);
    return;
  }
  const parts = await store.listParts(bucket, uploadId);
  if (!parts) {
    refuse(response, 404, GONE.code, GONE.message);
    return;
  }
  const marker = Number(query.get("part-number-marker") ?? 0);
  const most = Math.min(MOST_PARTS, Number(query.get("max-parts") ?? MOST_PARTS));
  const left = parts.filter(({ number }) => number > marker);
  const page = left.slice(0, most);
  const xml = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<ListPartsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">',
    `<Bucket>${bucket}</Bucket><Key>${escapeXml(key)}</Key><UploadId>${uploadId}</UploadId>`,
    `<PartNumberMarker>${marker}</PartNumberMarker><NextPartNumberMarker>${page.at(-1)?.number ?? marker}</NextPartNumberMarker>`,
    `<MaxParts>${most}</MaxParts><IsTruncated>${left.length > page.length}</IsTruncated>`,
    ...page.map(
      ({ number, bytes, etag, modified }) =>
        `<Part><PartNumber>${number}</PartNumber><LastModified>${modified.toISOString()}</LastModified><ETag>"${etag}"</ETag><Size>${bytes}</Size></Part>`,
    ),
    "</ListPartsResult>",
  ];
  response.writeHead(200, { "content-type": "application/xml" }).end(xml.join("\n"));
}

function escapeXml(text: string): string {
  return text.replace(/[<>&]/g, (character) => `&#${character.charCodeAt(0)};`);
}
