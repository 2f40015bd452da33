import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
  type S3ServiceException,
} from "@aws-sdk/client-s3";

/** Where artifacts are kept. Any S3-compatible store. */
export interface StoreConfig {
  endpoint: string;
  region: string;
  bucket: string;
  accessKeyId: string;
  secretAccessKey: string;
}

/**
 * The narrow part of S3 that Curie Point relies on. Keys are written once and never overwritten, so no call here
 * needs a condition. Every call throws StoreUnavailable when the store cannot be reached or answers 5xx.
 */
export interface ArtifactStore {
  /** Bytes that are at hand: retried. */
  put(key: string, body: Uint8Array): Promise<void>;
  /** Bytes that pass by once: `length` of them, or the object does not come to be. */
  putStream(key: string, body: ReadableStream<Uint8Array>, length: number, signal: AbortSignal): Promise<void>;
  /** Size in bytes as the store has it, or null where there is no object. */
  size(key: string): Promise<number | null>;
  /** The whole object, or null. `range` is inclusive of `from` and exclusive of `to`, in bytes. */
  get(key: string, range?: { from: number; to: number }): Promise<Uint8Array | null>;
  delete(key: string): Promise<void>;
}

export class StoreUnavailable extends Error {
  override readonly name = "StoreUnavailable";
}

export function createArtifactStore(config: StoreConfig): ArtifactStore {
  const client = new S3Client({
    endpoint: config.endpoint,
    region: config.region,
    credentials: { accessKeyId: config.accessKeyId, secretAccessKey: config.secretAccessKey },
    forcePathStyle: true,
    // Since 3.729 the SDK adds CRC32 trailers by default, which some S3-compatible stores refuse.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
  });
  const where = (key: string) => ({ Bucket: config.bucket, Key: key });

  return {
    put: (key, body) =>
      reaching(async () => {
        await client.send(new PutObjectCommand({ ...where(key), Body: body, ContentLength: body.byteLength }));
      }),

    putStream: (key, body, length, signal) =>
      reaching(async () => {
        await client.send(new PutObjectCommand({ ...where(key), Body: body, ContentLength: length }), {
          abortSignal: signal,
        });
      }),

    size: (key) =>
      reaching(async () => {
        try {
          const head = await client.send(new HeadObjectCommand(where(key)));
          return head.ContentLength ?? 0;
        } catch (error) {
          if (isMissing(error)) return null;
          throw error;
        }
      }),

    get: (key, range) =>
      reaching(async () => {
        try {
          const Range = range && `bytes=${range.from}-${range.to - 1}`;
          const object = await client.send(new GetObjectCommand({ ...where(key), ...(Range ? { Range } : {}) }));
          return (await object.Body?.transformToByteArray()) ?? new Uint8Array();
        } catch (error) {
          if (isMissing(error)) return null;
          throw error;
        }
      }),

    delete: (key) =>
      reaching(async () => {
        await client.send(new DeleteObjectCommand(where(key)));
      }),
  };
}

function isMissing(error: unknown): boolean {
  return statusOf(error) === 404;
}

/**
 * By status and not by class: the SDK reads the XML of an error with DOMParser, which workerd has not, and then throws
 * a ReferenceError in the error's place that carries the response's status alone.
 */
function statusOf(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const { $metadata, $response } = error as Pick<Partial<S3ServiceException>, "$metadata" | "$response">;
  return $metadata?.httpStatusCode ?? $response?.statusCode;
}

/** A 4xx is our own mistake and passes through; everything else means that the store is not to be had now. */
async function reaching<Result>(call: () => Promise<Result>): Promise<Result> {
  try {
    return await call();
  } catch (error) {
    const status = statusOf(error);
    // A 2xx here is an answer that broke off.
    if (status !== undefined && status >= 400 && status < 500 && status !== 429) throw error;
    throw new StoreUnavailable("The object store does not answer.", { cause: error });
  }
}
