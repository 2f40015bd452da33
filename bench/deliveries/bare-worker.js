// The least that a Worker can do to deliver: posts the bodies that it is given, as many at once as ours may.
export default {
  async fetch(request) {
    const { url, posts, atOnce } = await request.json();
    let next = 0;
    const post = async () => {
      while (next < posts.length) {
        const { id, body } = posts[next++];
        const headers = { "content-type": "application/json", "webhook-id": id };
        await (await fetch(url, { method: "POST", headers, body, redirect: "manual" })).arrayBuffer();
      }
    };
    const start = Date.now();
    await Promise.all(Array.from({ length: atOnce }, post));
    return Response.json({ milliseconds: Date.now() - start });
  },
};
