import assert from "node:assert/strict";
import type { MenderServer } from "../../../lib/testing/mod.ts";
import type { BadInput, BadInputChapter } from "./bad_input.ts";

type Exchange = Parameters<Parameters<MenderServer["setInterceptor"]>[0] & object>[0];

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function offer(id: string, uri: string): string {
  const source = { uri };
  return JSON.stringify({
    id,
    artifact: { artifact_name: "a", device_types_compatible: ["acme-box"], source },
  });
}

/** The server answers calls of that path so. */
function answering(path: RegExp, answer: (exchange: Exchange) => unknown): BadInput["server"] {
  return (server) =>
    server.setInterceptor(async (exchange) => {
      if (!path.test(exchange.target)) return false;
      await answer(exchange);
      return true;
    });
}

async function endless(exchange: Exchange): Promise<void> {
  exchange.start(200, {});
  for (let n = 0; n < 64; n++) if (!await exchange.write(new Uint8Array(65536).fill(32))) return;
  exchange.end();
}

function next(input: string, answer: (exchange: Exchange) => unknown, says: RegExp): BadInput {
  return {
    input,
    server: answering(/\/next/, answer),
    rows: [["daemon --once", 1, says]],
    kept: (rig) => {
      assert.deepEqual(rig.installed(), []);
      assert.equal(rig.record(), undefined);
      assert.equal(rig.read(rig.paths.lock), "");
    },
  };
}

const replying = (text: string, headers = {}) => (exchange: Exchange) =>
  exchange.reply(200, headers, bytes(text));

export const serverAnswers: BadInputChapter = {
  title: "Answers of the server",
  about: "Nothing is installed, and nothing is lost; the daemon asks again.",
  inputs: [
    ...([
      [
        "an HTML page for a token",
        replying("<html>Welcome</html>", { "content-type": "text/html" }),
      ],
      ["an empty answer for a token", replying("")],
      ["500 for a token", (e: Exchange) => e.reply(500, {}, bytes("boom"))],
      ["an endless answer for a token", endless],
    ] as const).map(([input, answer]): BadInput => ({
      input,
      server: answering(/auth_requests/, answer),
      rows: [["daemon --once", 1, /Failed to authenticate: /], [
        "report --success",
        3,
        /is recorded and will be reported/,
      ]],
    })),
    {
      input: "the device is pending",
      server: answering(/auth_requests/, (e) => e.reply(401, {}, bytes("{}"))),
      rows: [["daemon --once", 1, undefined], ["report --success", 3, /is recorded/]],
    },
    next("no JSON for a deployment", replying("{"), /Failed to/),
    next("a list for a deployment", replying("[]"), /Failed to/),
    next("nested too deeply", replying("[".repeat(400_000)), /Failed to/),
    next("an endless answer", endless, /Failed to/),
    next(
      "a deployment ID with ../",
      replying(offer("../../etc", "http://127.0.0.1:9/a")),
      /Failed to/,
    ),
    next("a file: link", replying(offer("aa-11", "file:///etc/passwd")), /Failed to/),
    next("a data: link", replying(offer("aa-11", "data:,x")), /Failed to/),
    next("409 for a deployment", (e) => e.reply(409, {}, new Uint8Array()), /Failed to/),
    {
      input: "400 for the inventory",
      server: answering(/attributes/, (e) => e.reply(400, {}, new Uint8Array())),
      rows: [["daemon --once", 1, /Failed to/]],
    },
    {
      input: "400 for a status",
      server: answering(/\/status/, (e) => e.reply(400, {}, new Uint8Array())),
      rows: [["report --success", 0, /The server refuses the report "success"/], [
        "report --status installing",
        3,
        /could not be reported yet/,
      ]],
    },
  ],
};
