import assert from "node:assert/strict";
import { repositoryFiles, repositoryText } from "../../support/repository_text.ts";
import { test } from "../../support/test.ts";

/** What writes somewhere, or decides where logs go. */
const CONFIGURES = /\bconsole\.|\blogTo\(|\bprocess\.(?:stdout|stderr)\b|\.write(?:Out|Error)\(/;

/** The seam to the streams, and what defines the parts that a caller puts together. */
const ALLOWED = [
  "lib/log/record.ts",
  "lib/client/mender_client.ts", // to the logger that it is given, or to none
  "lib/runtime/node_self.ts",
  "lib/runtime/terminal/node_terminal.ts",
];

test("the library never configures logging, nor writes to a standard stream", () => {
  const found = [...repositoryFiles("lib", ".ts"), "mod.ts"]
    .filter((path) => !ALLOWED.includes(path))
    .filter((path) =>
      // Comments may show how a caller does it.
      CONFIGURES.test(repositoryText(path).replace(/\/\*[^]*?\*\/|\/\/.*$/gm, ""))
    );
  assert.deepEqual(found, []);
});
