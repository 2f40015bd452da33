// Runs in workerd beside a Worker and hands it the events that no socket carries: queue batches and cron. Only the
// host calls it.
export default {
  async fetch(request, env) {
    if (request.headers.get("authorization") !== env.TOKEN) return new Response(null, { status: 403 });
    const { pathname } = new URL(request.url);
    if (pathname === "/ping") return new Response(null, { status: 204 });
    if (pathname === "/scheduled") {
      const { cron } = await request.json();
      return Response.json(await env.WORKER.scheduled({ scheduledTime: new Date(), cron }));
    }
    if (pathname === "/queue") {
      const { queue, messages } = await request.json();
      return Response.json(await env.WORKER.queue(queue, messages.map(revive)));
    }
    return new Response(null, { status: 404 });
  },
};

function revive({ id, timestamp, attempts, contentType, body }) {
  const message = { id, timestamp: new Date(timestamp), attempts };
  const bytes = Uint8Array.from(atob(body), (character) => character.charCodeAt(0));
  if (contentType === "v8") return { ...message, serializedBody: bytes };
  if (contentType === "bytes") return { ...message, body: bytes.buffer };
  const text = new TextDecoder().decode(bytes);
  return { ...message, body: contentType === "json" ? JSON.parse(text) : text };
}
