import { strict as assert } from "node:assert";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { inspectConfig, wellKnownPaths } from "../../../lib/config/mod.ts";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import { REPOSITORY, repositoryFiles, repositoryText } from "../../support/repository_text.ts";
import { inTemporaryDirectory } from "../../support/temporary.ts";
import { test } from "../../support/test.ts";
import { anchors, codeBlocks, codeSpans, pages, relativeLinks } from "./markdown.ts";

const { files } = await hostDrivers();

const AUTHORS_PATH = /(?<![\w$}.])\/(home|root|tmp|mnt|work\w*)\//;
const UNWANTED =
  /registry\.|jsr\.io|\b(TODO|FIXME|seamless\w*|powerful|effortless\w*|blazing\w*|coming soon)\b/i;

for (const { path, text } of pages()) {
  test(`${path} links only to files and headings that exist`, () => {
    for (const link of relativeLinks(text)) {
      const [file = "", anchor] = link.split("#");
      const target = file === "" ? path : normalize(join(dirname(path), file));
      assert.ok(existsSync(join(REPOSITORY, target)), `${link}: there is no ${target}`);
      if (anchor === undefined) continue;
      assert.ok(anchors(repositoryText(target)).includes(anchor), `${link}: no such heading`);
    }
  });

  test(`${path} names no path of its authors, no registry, and nothing to be done`, () => {
    assert.equal(AUTHORS_PATH.exec(text)?.[0], undefined);
    assert.equal(UNWANTED.exec(text)?.[0], undefined);
  });

  test(`${path} has JSON examples that are JSON`, () => {
    for (const block of codeBlocks(text)) {
      if (block.language === "json") assert.doesNotThrow(() => JSON.parse(block.text), block.text);
    }
  });
}

test("README.md shows the two commands as tasks that exist", () => {
  const { tasks } = JSON.parse(repositoryText("deno.json"));
  const commands = [
    ...repositoryText("README.md").matchAll(/^npx --yes deno@[\d.]+ task (\S+)$/gm),
  ];
  assert.deepEqual(commands.map(([, task]) => task), ["demo", "test"]);
  for (const [, task = ""] of commands) assert.ok(task in tasks, task);
});

/** Pages whose blocks of `sh` are run by a test; commands for a device are blocks of `shell`. */
const RUN: Readonly<Record<string, RegExp>> = {
  "README.md": /^npx --yes deno@[\d.]+ task (demo|test)$/,
  "docs/embedded_server.md": /./, // tests/peers/embedded_server_page_test.ts
  "docs/sub_updater.md": /^#!\/bin\/sh/, // tests/unit/docs/sub_updater_example_test.ts
};

test("every command of a page is run by a test, or is marked as an example for a device", () => {
  for (const { path, text } of pages()) {
    for (const block of codeBlocks(text)) {
      assert.ok(
        ["", "sh", "shell", "json", "ts"].includes(block.language),
        `${path}: ${block.language}`,
      );
      if (block.language === "sh") assert.match(block.text.trim(), RUN[path] ?? /^$/, path);
    }
  }
});

test("README.md gives all rights in the simplest form alone", () => {
  const lines = repositoryText("README.md").split("\n").filter((line) =>
    /\s-A\b|allow-all/.test(line)
  );
  assert.deepEqual(lines, ["deno run -A cli/main.ts daemon"]);
});

test("every page names tasks that exist", () => {
  const { tasks } = JSON.parse(repositoryText("deno.json"));
  for (const { path, text } of pages()) {
    for (const [, task = ""] of text.matchAll(/deno task ([\w:-]+)/g)) {
      assert.ok(task in tasks, `${path}: ${task}`);
    }
  }
});

test("README.md has configurations that are accepted without a warning", () =>
  inTemporaryDirectory((root) => {
    const paths = wellKnownPaths({ root });
    mkdirSync(dirname(paths.mainConfig), { recursive: true });
    const examples = codeBlocks(repositoryText("README.md"))
      .filter(({ language }) => language === "json");
    assert.ok(examples.length >= 2);
    for (const { text } of examples) {
      writeFileSync(paths.mainConfig, text);
      const { keys, config } = inspectConfig({ files, paths });
      assert.deepEqual([keys.problems, keys.warnings], [[], []], text);
      assert.deepEqual(config.servers, ["https://mender.example.com"]);
    }
  }));

test("docs/troubleshooting.md quotes messages of the code", () => {
  const sources = ["lib", "cli"].flatMap((folder) => repositoryFiles(folder, ".ts"))
    .map((path) => repositoryText(path)).join("\n")
    // What a message puts in is "…" in the page; a message may be written in several pieces.
    .replace(/["`] \+\s+["'`]/g, "").replaceAll('\\"', '"').replaceAll("\\`", "`");
  const entries = repositoryText("docs/troubleshooting.md").match(/^`.+(?=\n\n- Cause)/gm) ?? [];
  assert.ok(entries.length > 30);
  const ofTheRuntime = ["Requires … access to …", "CaUsedAsEndEntity"];
  for (const message of entries.flatMap(codeSpans)) {
    if (ofTheRuntime.includes(message) || message.includes("UnknownIssuer")) continue;
    for (const piece of message.split(/…|: /).map((text) => text.trim())) {
      if (piece.length > 3) assert.ok(sources.includes(piece), `${message}: no "${piece}"`);
    }
  }
});

test("SECURITY.md names tests that exist", () => {
  const rows = [...repositoryText("SECURITY.md").matchAll(/\]\((tests\/[^)]+)\): "([^"]+)"/g)];
  assert.ok(rows.length > 20);
  for (const [, path = "", name = ""] of rows) {
    assert.ok(repositoryText(path).includes(name), `${path}: no "${name}"`);
  }
});

test("docs/permissions.md lists every right of the permission sets, and no other file", () => {
  const { permissions } = JSON.parse(repositoryText("deno.json"));
  const spans = new Set(codeSpans(repositoryText("docs/permissions.md")));
  for (
    const [set, { env, ...kinds }] of Object.entries<Record<string, { allow: string[] }>>(
      permissions,
    )
  ) {
    const rights = [...Object.values(kinds), env?.allow].filter((rights) => Array.isArray(rights));
    for (const right of rights.flat()) assert.ok(spans.has(right), `${set}: ${right}`);
  }
});
