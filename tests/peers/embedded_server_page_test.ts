/** The commands of docs/embedded_server.md, from the first to the last, in an empty directory. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { REPOSITORY, repositoryText } from "../support/repository_text.ts";
import { inTemporaryDirectory } from "../support/temporary.ts";
import { peer } from "../support/peers.ts";
import { installedCommand } from "../support/installed_command.ts";
import { test } from "../support/test.ts";
import { codeBlocks } from "../unit/docs/markdown.ts";

const peers = [
  peer("mender-artifact", "apt-get install mender-artifact"),
  peer("curl", "apt-get install curl"),
  peer("jq", "apt-get install jq"),
  peer("ip", "apt-get install iproute2"),
  process.getuid?.() === 0 ? {} : { skip: "only root gives a test a network of its own" },
];

test(
  "docs/embedded_server.md goes from an empty directory to a finished update",
  () =>
    inTemporaryDirectory((directory) => {
      const blocks = codeBlocks(repositoryText("docs/embedded_server.md"))
        .filter(({ language }) => language === "sh").map(({ text }) => text);
      assert.ok(blocks.length >= 9);
      // As in a checkout: the page's paths begin there.
      symlinkSync(join(REPOSITORY, "docs"), join(directory, "docs"));
      spawnSync("mkdir", [join(directory, "scripts")]);
      const command = installedCommand().map((word) => `'${word}'`).join(" ");
      const wrapper = join(directory, "scripts/mender-deno");
      writeFileSync(wrapper, `#!/bin/sh\nexec ${command} "$@"\n`, { mode: 0o755 });
      const script = blocks.map((text) =>
        /mender-deno serve/.test(text)
          // In a terminal of its own, as the page says.
          ? text.replace(
            /^(scripts\/mender-deno serve.*)$/m,
            "$1 >server.log 2>&1 &\nserver_process=$!",
          ) +
            "for try in $(seq 100); do grep -q Serving server.log && break; sleep 0.2; done\n"
          : /daemon --once/.test(text)
          // The first ends with 1; the second is over before its sub-updater is.
          ? text.replace(/^(scripts\/mender-deno daemon.*)$/m, "$1 || echo ended with $?\nsettle")
          : text
      ).join("\n");
      const settle = `settle() {
  for try in $(seq 150); do [ ! -e "$root/var/lib/mender/update.lock" ] && break; sleep 0.2; done
}
`;
      const ran = spawnSync("unshare", [
        "--net",
        "sh",
        "-c",
        "ip link set lo up\nexec sh -e script",
      ], {
        cwd: directory,
        encoding: "utf8",
        env: { ...process.env, HTTP_PROXY: "", HTTPS_PROXY: "", http_proxy: "", https_proxy: "" },
        timeout: 110_000,
        ...(writeFileSync(
          join(directory, "script"),
          `${settle}${script}\nkill $server_process\n`,
        ) ?? {}),
      });
      assert.equal(ran.status, 0, ran.stdout + ran.stderr);
      assert.match(ran.stdout, /ended with 1/);
      assert.match(ran.stdout, /"status": "finished"[\s\S]*"success": 1/);
      assert.match(ran.stdout, /^hello$/m);
      assert.match(ran.stdout, /^release-2$/m);
    }),
  { ...peers.find(({ skip }) => skip !== undefined) },
);
