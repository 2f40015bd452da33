import { join, relative } from "node:path";
import type { WorkerManifest } from "./build.ts";

/** The header by which the host knows which queue a message is for. */
export const QUEUE_HEADER = "x-curie-point-queue";

/** And the one by which it knows the Worker that sent it. */
export const SENDER_HEADER = "x-curie-point-sender";

export interface RuntimeOptions {
  manifest: WorkerManifest;
  /** The bundle's folder, and the one the configuration will lie in. */
  bundle: string;
  configFolder: string;
  /** The Worker's text bindings. Secrets are among them: the configuration's file is its owner's alone. */
  bindings: Record<string, string>;
  /** Where the Worker's fetch handler listens, if anything may reach it. */
  address: string | undefined;
  /** The host's socket for messages to queues. */
  queueAddress: string;
  /** Known to the host and to workerd: other programs on this machine can connect to their sockets. */
  token: string;
}

/** workerd's configuration of one Worker: https://github.com/cloudflare/workerd/blob/main/src/workerd/server/workerd.capnp */
export function workerdConfig(options: RuntimeOptions): string {
  const { manifest } = options;
  const embed = (path: string) => `embed ${text(relative(options.configFolder, path).replaceAll("\\", "/"))}`;
  const modules = manifest.modules.map(
    ({ name, kind }) => `(name = ${text(name)}, ${kind} = ${embed(`${options.bundle}/${name}`)})`,
  );
  const bindings = [
    ...Object.entries(options.bindings).map(([name, value]) => `(name = ${text(name)}, text = ${text(value)})`),
    ...manifest.producers.map(({ binding, queue }) => `(name = ${text(binding)}, queue = ${text(`queue:${queue}`)})`),
  ];
  const queues = [...new Set(manifest.producers.map(({ queue }) => queue))].map(
    (queue) => `(name = ${text(`queue:${queue}`)}, external = (address = ${text(options.queueAddress)}, http = (
      injectRequestHeaders = [
        (name = ${text(QUEUE_HEADER)}, value = ${text(queue)}),
        (name = ${text(SENDER_HEADER)}, value = ${text(manifest.name)}),
        (name = "authorization", value = ${text(options.token)})])))`,
  );
  const sockets = [`(name = "control", address = "127.0.0.1:0", http = (), service = "dispatcher")`];
  // First, for the host takes the control socket's report to mean that all of them listen.
  if (options.address !== undefined) {
    sockets.unshift(`(name = "http", address = ${text(options.address)}, http = (), service = "worker")`);
  }
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "worker", worker = (
      compatibilityDate = ${text(manifest.compatibilityDate)},
      compatibilityFlags = [${manifest.compatibilityFlags.map(text).join(", ")}],
      modules = [${modules.join(", ")}],
      bindings = [${bindings.join(",\n        ")}])),
    (name = "dispatcher", worker = (
      compatibilityDate = ${text(manifest.compatibilityDate)},
      compatibilityFlags = ["service_binding_extra_handlers"],
      modules = [(name = "dispatcher.js", esModule = ${embed(DISPATCHER)})],
      bindings = [(name = "WORKER", service = "worker"), (name = "TOKEN", text = ${text(options.token)})])),
    # Unlike workerd's default, private addresses too: Postgres, S3 and webhook receivers are on this machine.
    (name = "internet", network = (allow = ["public", "private"], tlsOptions = (trustBrowserCas = true))),
    ${queues.join(",\n    ")}
  ],
  sockets = [${sockets.join(",\n    ")}]
);
`;
}

const DISPATCHER = join(import.meta.dirname, "dispatcher.js");

/** A Cap'n Proto string literal; JSON's is one, but for control characters, which none of ours has. */
const text = (value: string) => JSON.stringify(value);
