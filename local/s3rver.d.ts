// The parts used of a package that ships no types.
declare module "@20minutes/s3rver" {
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
    close(): Promise<void>;
    httpServer: import("node:http").Server;
    store: { existsObject(bucket: string, key: string): Promise<boolean> };
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
