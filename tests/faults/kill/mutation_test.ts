import assert from "node:assert/strict";
import {
  ENDING,
  inSourceCopy,
  type Mutation,
  type SourceCopy,
} from "../../support/mutated_copy.ts";
import { test } from "../../support/test.ts";

const FOLDERS = ["lib", "cli", "scripts/service", "tests/support", "tests/faults/kill"];

/** Mistakes that the matrix must find. */
const MUTATIONS: readonly Mutation[] = [
  {
    name: "a directory is not synced after a rename",
    file: "lib/runtime/files/atomic_file",
    change: (source) =>
      source.replace(/(files\.rename\(beside, path\);[^]*?)files\.syncDirectory\([^\n]*\n/, "$1\n"),
  },
  {
    name: "the lock is written after the start",
    file: "lib/deployment/handoff/hand_over",
    change: (source) => {
      const lock = /^ *context\.lock\.write\(id\);\n/m;
      const line = lock.exec(source)?.[0] ?? "";
      return source.replace(lock, "").replace(/^( *const handoff = .*\n)/m, `$1${line}`);
    },
  },
  {
    name: "the phase before the hand-off is not stored",
    file: "lib/deployment/lifecycle/journal",
    change: (source) =>
      source.replace(
        /^ *this\.#file\.write\(record\);/m,
        'if (record.phase !== "handing_over") this.#file.write(record);',
      ),
  },
];

for (const mutation of MUTATIONS) {
  test(`kill matrix: fails when ${mutation.name}`, async () => {
    await inSourceCopy(FOLDERS, (copy) => {
      copy.mutate(mutation);
      const { status, said } = runMatrix(copy);
      assert.notEqual(status, 0, said);
      // It is the matrix that fails, not the copy.
      assert.match(said, /is started in phase|finds the lock|is sent in phase|started \d times/);
    });
  }, { limitMs: 300_000 });
}

test("kill matrix: passes in a copy without a mistake", async () => {
  await inSourceCopy(FOLDERS, (copy) => {
    const { status, said } = runMatrix(copy);
    assert.equal(status, 0, said);
  });
}, { limitMs: 300_000 });

/** The rows of the power cuts, which need no luck. */
function runMatrix(copy: SourceCopy): { status: number | null; said: string } {
  const file = `tests/faults/kill/kill_matrix_test${ENDING}`;
  const rows = "(the durable steps|power cut at .daemon: .*(lock|handing_over|sub-updater))";
  const args = "Deno" in globalThis
    ? ["test", "-A", "--no-check", "--quiet", `--filter=/${rows}/`, file]
    : ["--test", "--test-reporter=spec", `--test-name-pattern=${rows}`, file];
  return copy.run(args, 240_000);
}
