import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListPartsCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { hex, type PresignedPart, presignPart } from "./presign.ts";
import { DEFAULT_RETRIES, isMissing, type RetryPolicy, StoreUnavailable, withRetries } from "./retry.ts";

export { StoreUnavailable } from "./retry.ts";

/** Where artifacts are kept. Any S3-compatible store. */
export interface StoreConfig {
  endpoint: string;
  region: string;
  bucket: string;
  accessKeyId: string;
  secretAccessKey: string;
  /** An attempt without an answer by then is given up, in seconds (30). */
  timeoutSeconds?: number | undefined;
}

/** A part that the store has. */
export interface StoredPart {
  /** From 1. */
  number: number;
  etag: string;
}

export interface ListedPart extends StoredPart {
  bytes: number;
}

/**
 * The narrow part of S3 that Curie Point relies on. Keys are written once and never overwritten, so no call here
 * needs a condition, and every call may be repeated. Each is retried with growing pauses, and throws StoreUnavailable
 * when the store cannot be reached or answers 5xx all the same.
 */
export interface ArtifactStore {
  /** A whole object. The store checks its SHA-256, which is part of the request's signature: `sha256`, where known. */
  put(key: string, body: Uint8Array, sha256?: ArrayBuffer): Promise<void>;
  /** Begins an object in parts, which comes to be when they are joined. Returns the multipart upload's id. */
  beginParts(key: string): Promise<string>;
  /** One part, checked as `put` is: 5 MiB or more, but for the last. `abandoned` ends the attempts. */
  putPart(
    key: string,
    multipartId: string,
    number: number,
    body: Uint8Array,
    abandoned?: AbortSignal,
  ): Promise<StoredPart>;
  /** An address at which one part of exactly these bytes may be PUT, for `seconds`. */
  presignPart(part: PresignedPart, seconds: number): Promise<string>;
  /** The parts that are in, by number; null where there is no such upload, or no more. */
  listParts(key: string, multipartId: string): Promise<ListedPart[] | null>;
  /** Makes the object of `bytes` bytes. Parts ordered by number. Right also where it was done before. */
  joinParts(key: string, multipartId: string, parts: readonly StoredPart[], bytes: number): Promise<void>;
  /** Lets the store forget the parts. Right also where there is no such upload any more. */
  abandonParts(key: string, multipartId: string): Promise<void>;
  /** Size in bytes as the store has it, or null where there is no object. */
  size(key: string): Promise<number | null>;
  /** The whole object, or null. `range` is inclusive of `from` and exclusive of `to`, in bytes. */
  get(key: string, range?: { from: number; to: number }): Promise<Uint8Array | null>;
  /** The same as it comes in, or null. Not retried once it has begun: whoever reads it may open the rest again. */
  open(key: string, range: { from: number; to: number }): Promise<ReadableStream<Uint8Array> | null>;
  delete(key: string): Promise<void>;
}

export function createArtifactStore(config: StoreConfig): ArtifactStore {
  /** Of bodies whose digest whoever stores them has made already. */
  const digests = new WeakMap<Uint8Array, ArrayBuffer>();
  const client = createClient(config, async (body) => digests.get(body) ?? (await digestOf(body)));
  const policy: RetryPolicy = {
    ...DEFAULT_RETRIES,
    ...(config.timeoutSeconds ? { timeoutMs: config.timeoutSeconds * 1000 } : {}),
  };
  // To join the parts of a large object a store may copy all of them.
  const patient = { ...policy, timeoutMs: policy.timeoutMs * 4 };
  const reaching = <Result>(call: (abortSignal: AbortSignal) => Promise<Result>, abandoned?: AbortSignal) =>
    withRetries(policy, call, abandoned);
  const where = (key: string) => ({ Bucket: config.bucket, Key: key });

  const store: ArtifactStore = {
    put: (key, body, sha256) => {
      if (sha256) digests.set(body, sha256);
      return reaching(async (abortSignal) => {
        const command = new PutObjectCommand({ ...where(key), Body: body, ContentLength: body.byteLength });
        await client.send(command, { abortSignal });
      });
    },

    beginParts: (key) =>
      reaching(async (abortSignal) => {
        const { UploadId } = await client.send(new CreateMultipartUploadCommand(where(key)), { abortSignal });
        if (!UploadId) throw new Error("the store began a multipart upload without an id");
        return UploadId;
      }),

    putPart: (key, UploadId, number, body, abandoned) =>
      reaching(async (abortSignal) => {
        const part = { PartNumber: number, Body: body, ContentLength: body.byteLength };
        const { ETag } = await client.send(new UploadPartCommand({ ...where(key), UploadId, ...part }), {
          abortSignal,
        });
        if (!ETag) throw new Error("the store took a part without an ETag");
        return { number, etag: ETag };
      }, abandoned),

    presignPart: (part, seconds) => presignPart(config, part, { now: new Date(), seconds }),

    listParts: async (key, UploadId) => {
      const parts: ListedPart[] = [];
      for (let marker: string | undefined = "0"; marker !== undefined; ) {
        const from: string = marker;
        const page = await orMissing(
          reaching((abortSignal) =>
            client.send(new ListPartsCommand({ ...where(key), UploadId, PartNumberMarker: from }), { abortSignal }),
          ),
          null,
        );
        if (!page) return null;
        for (const { PartNumber = 0, ETag = "", Size = 0 } of page.Parts ?? []) {
          parts.push({ number: PartNumber, etag: ETag, bytes: Size });
        }
        marker = page.IsTruncated ? page.NextPartNumberMarker : undefined;
      }
      return parts;
    },

    joinParts: async (key, UploadId, parts, bytes) => {
      const MultipartUpload = { Parts: parts.map(({ number, etag }) => ({ PartNumber: number, ETag: etag })) };
      try {
        await withRetries(patient, async (abortSignal) => {
          await client.send(new CompleteMultipartUploadCommand({ ...where(key), UploadId, MultipartUpload }), {
            abortSignal,
          });
        });
      } catch (error) {
        // An attempt whose answer was lost may have done it: then the store knows the upload no more.
        if ((await store.size(key)) === bytes) return;
        if (error instanceof StoreUnavailable) throw error;
        // The parts are as the store itself acknowledged or listed them, so whatever it says is its own affair.
        throw new StoreUnavailable("The object store does not join the parts.", { cause: error });
      }
    },

    abandonParts: (key, UploadId) =>
      orMissing(
        reaching(async (abortSignal) => {
          await client.send(new AbortMultipartUploadCommand({ ...where(key), UploadId }), { abortSignal });
        }),
        undefined,
      ),

    size: (key) =>
      orMissing(
        reaching(async (abortSignal) => {
          const head = await client.send(new HeadObjectCommand(where(key)), { abortSignal });
          return head.ContentLength ?? 0;
        }),
        null,
      ),

    get: (key, range) =>
      orMissing(
        reaching(async (abortSignal) => {
          const Range = range && `bytes=${range.from}-${range.to - 1}`;
          const command = new GetObjectCommand({ ...where(key), ...(Range ? { Range } : {}) });
          const { Body } = await client.send(command, { abortSignal });
          // By the runtime itself: the SDK's way copies chunk by chunk.
          return new Uint8Array(await new Response(Body?.transformToWebStream()).arrayBuffer());
        }),
        null,
      ),

    open: (key, { from, to }) =>
      orMissing(
        reaching(async (abortSignal) => {
          const command = new GetObjectCommand({ ...where(key), Range: `bytes=${from}-${to - 1}` });
          const { Body } = await client.send(command, { abortSignal });
          return Body?.transformToWebStream() ?? null;
        }),
        null,
      ),

    delete: (key) =>
      reaching(async (abortSignal) => {
        await client.send(new DeleteObjectCommand(where(key)), { abortSignal });
      }),
  };
  return store;
}

function createClient(
  { endpoint, region, accessKeyId, secretAccessKey }: StoreConfig,
  digest: (body: Uint8Array) => Promise<ArrayBuffer>,
): S3Client {
  const client = new S3Client({
    endpoint,
    region,
    credentials: { accessKeyId, secretAccessKey },
    forcePathStyle: true,
    // Retries are ours: they know which answers mean damage on the way, and when somebody has waited long enough.
    maxAttempts: 1,
    // Since 3.729 the SDK adds CRC32 trailers by default, which some S3-compatible stores refuse.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
  });
  // The SDK signs the hash that it finds here. Its own would be of a copy's copy, and from 8 MiB on in JavaScript.
  client.middlewareStack.add(
    (next) => async (args) => {
      const request = args.request as { headers: Record<string, string>; body?: unknown };
      if (request.body instanceof Uint8Array) {
        request.headers["x-amz-content-sha256"] = hex(await digest(request.body));
      }
      return await next(args);
    },
    { step: "build" },
  );
  return client;
}

async function digestOf(bytes: Uint8Array): Promise<ArrayBuffer> {
  return await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>);
}

async function orMissing<Result, Missing>(call: Promise<Result>, missing: Missing): Promise<Result | Missing> {
  try {
    return await call;
  } catch (error) {
    if (isMissing(error)) return missing;
    throw error;
  }
}
