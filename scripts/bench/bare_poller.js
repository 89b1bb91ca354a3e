// The bare runtime with a timer that asks a server once a second: what a daemon in Deno costs at least.
const [url] = Deno.args;
setInterval(async () => {
  const response = await fetch(url);
  await response.arrayBuffer();
}, 1000);
