// The parts used of a package that ships no types.
declare module "@20minutes/s3rver" {
  import type FilesystemStore from "@20minutes/s3rver/lib/stores/filesystem.js";
  export interface Options {
    address: string;
    port: number;
    silent: boolean;
    directory: string;
    vhostBuckets: boolean;
    allowMismatchedSignatures: boolean;
    configureBuckets: { name: string }[];
  }
  export default class S3rver {
    constructor(options: Options);
    run(): Promise<{ port: number }>;
    /** Koa's: what it gives to node:http. */
    callback(): import("node:http").RequestListener;
    close(): Promise<void>;
    httpServer: import("node:http").Server;
    store: FilesystemStore;
    /** What the handlers of requests see. */
    context: { store: FilesystemStore };
    on(event: "error", listener: (error: Error) => void): this;
  }
}

declare module "@20minutes/s3rver/lib/models/account.js" {
  export default class AWSAccount {
    constructor(id: number, displayName: string);
    createKeyPair(accessKeyId: string, secretAccessKey: string): void;
    static registry: Map<string, AWSAccount>;
  }
}

declare module "@20minutes/s3rver/lib/models/error.js" {
  /** Answered as S3's error document of this code. */
  export default class S3Error extends Error {
    constructor(code: string, message: string);
  }
}

declare module "@20minutes/s3rver/lib/stores/filesystem.js" {
  type Content = Buffer | import("node:stream").Readable;
  /** Both ends inclusive. */
  type StoredObject = {
    content: import("node:stream").Readable | null;
    range?: { start: number; end: number };
  };
  type Written = { size: number; md5: string };
  export default class FilesystemStore {
    constructor(directory: string);
    getResourcePath(bucket: string, key: string | undefined, resource: string): string;
    existsObject(bucket: string, key: string): Promise<boolean>;
    putContent(path: string, content: Content): Promise<[bytes: number, md5: string]>;
    deleteObject(bucket: string, key: string): Promise<void>;
    getObject(bucket: string, key: string, range?: { start?: number; end?: number }): Promise<StoredObject | null>;
    putMetadata(bucket: string, key: string, metadata: Record<string, string>, md5: string): Promise<void>;
    putPart(bucket: string, uploadId: string, number: string, content: Content): Promise<Written>;
    putObjectMultipart(bucket: string, uploadId: string, parts: { number: number; etag: string }[]): Promise<Written>;
  }
}
