import assert from "node:assert/strict";
import { inSourceCopy, type Mutation, type SourceCopy } from "../../support/mutated_copy.ts";
import { test } from "../../support/test.ts";

const FOLDERS = ["lib", "cli", "scripts/service", "docs", "tests/support", "tests/faults"];

interface MatrixMutation extends Mutation {
  /** Rows of which one must fail. */
  readonly rows: string;
}

/** Mistakes that the matrix must find. */
const MUTATIONS: readonly MatrixMutation[] = [
  {
    name: "checksums are not compared",
    file: "lib/artifact/payload_reader",
    change: (source) => source.replace(/(export function checkSha256\([^{]*\{)/, "$1 return;"),
    rows: "a byte of the Artifact is wrong, always",
  },
  {
    name: "the status of an answer is not looked at",
    file: "lib/download/judge_answer",
    change: (source) => source.replace("if (status === 200) return", "if (status !== 206) return"),
    rows: "artifact is answered (403|410|503)$",
  },
  {
    name: "Content-Range is not looked at",
    file: "lib/download/judge_answer",
    change: (source) =>
      source.replace(
        /(function judgePart\(.*\n)/,
        '$1  return { do: "take", skip: 0, version: known };\n',
      ),
    rows: "the rest: begins be(fore|hind)",
  },
  {
    name: "a redirect to a file is followed",
    file: "lib/download/open_link",
    change: (source) => source.replace('target.protocol !== "http:" &&', "false &&"),
    rows: "redirects to a `file:` address",
  },
  {
    name: "a redirect takes the token to another server",
    file: "lib/api/exchange",
    change: (source) => source.replace("target.origin !== new URL(request.url).origin", "false"),
    rows: "redirects to another server",
  },
  {
    name: "a download is not ended by silence",
    file: "lib/download/resumable_download",
    change: (source) => source.replace("STALL_LIMIT_MS = 30_000", "STALL_LIMIT_MS = 30_000_000"),
    rows: "silence in the middle",
  },
];

/** They change sources, which Node runs as a package. */
const ON_DENO = "Deno" in globalThis ? {} : { skip: "sources are changed on Deno" };

for (const mutation of MUTATIONS) {
  test(`fault matrix: fails when ${mutation.name}`, async () => {
    await inSourceCopy(FOLDERS, (copy) => {
      const sane = runMatrix(copy, mutation);
      assert.equal(sane.status, 0, sane.said);
      copy.mutate(mutation);
      const { status, said } = runMatrix(copy, mutation);
      assert.notEqual(status, 0, said);
      // It is a row that fails, not the copy.
      assert.match(said, /row failed: /);
    });
  }, { limitMs: 300_000, ...ON_DENO });
}

function runMatrix(
  copy: SourceCopy,
  { rows }: MatrixMutation,
): { status: number | null; said: string } {
  const args = ["test", "-A", "--no-check", "--quiet", "tests/faults/matrix/matrix_test.ts"];
  return copy.run(args, 120_000, { MENDER_DENO_ROWS: rows });
}
