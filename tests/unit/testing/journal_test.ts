import assert from "node:assert/strict";
import { systemClock } from "../../../lib/runtime/system_clock.ts";
import { Journal, type JournalEntry } from "../../../lib/testing/server/journal.ts";
import { test } from "../../support/test.ts";

const entry = (path: string): JournalEntry => ({
  at: 0,
  method: "GET",
  path,
  query: {},
  headers: {},
  status: 200,
  requestId: "",
});

test("Journal.waitFor() finds an entry that is there, and one that comes", async () => {
  const journal = new Journal(systemClock, 10);
  journal.add(entry("/a"));
  const there = await journal.waitFor(({ path }) => path === "/a", { timeoutMs: 1000 });
  assert.equal(there.path, "/a");
  const coming = journal.waitFor(({ path }) => path === "/b", { timeoutMs: 1000 });
  journal.add(entry("/c"));
  journal.add(entry("/b"));
  assert.equal((await coming).path, "/b");
});

test("Journal.waitFor() leaves out entries before a position", async () => {
  const journal = new Journal(systemClock, 10);
  journal.add(entry("/a"));
  const next = journal.waitFor(({ path }) => path === "/a", {
    timeoutMs: 1000,
    from: journal.position,
  });
  const second = entry("/a");
  journal.add(second);
  assert.equal(await next, second);
});

test("Journal.waitFor() fails at its deadline and tells what it saw", async () => {
  const journal = new Journal(systemClock, 10);
  journal.add(entry("/seen"));
  await assert.rejects(
    journal.waitFor(() => false, { timeoutMs: 1 }),
    /within 1 ms.*\n.*200 GET \/seen/,
  );
});

test("Journal keeps the last entries only, and counts all", () => {
  const journal = new Journal(systemClock, 2);
  for (const path of ["/a", "/b", "/c"]) journal.add(entry(path));
  assert.deepEqual(journal.entries.map(({ path }) => path), ["/b", "/c"]);
  assert.equal(journal.position, 3);
});
