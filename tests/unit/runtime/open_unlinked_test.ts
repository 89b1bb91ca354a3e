import assert from "node:assert/strict";
import type { FileHandle, FileInfo } from "../../../lib/runtime/files/file_driver.ts";
import { openUnlinked, type PlainFiles } from "../../../lib/runtime/files/open_unlinked.ts";
import { test } from "../../support/test.ts";

/** Files of which one is there, with handles that look as they are told to. */
function filesWith(look: () => FileInfo): { files: PlainFiles; open: () => number } {
  let open = 0;
  const handle = (): FileHandle => {
    open++;
    return { stat: look, close: () => void open-- } as unknown as FileHandle;
  };
  const files = {
    stat: () => ({ kind: "file", identity: "1:1" }) as FileInfo,
    openExisting: handle,
    openNew: handle,
  };
  return { files, open: () => open };
}

test("openUnlinked() closes what it cannot look at", () => {
  const { files, open } = filesWith(() => {
    throw new Error("not permitted");
  });
  assert.throws(() => openUnlinked(files, "/file", "read", 0o600), /not permitted/);
  assert.equal(open(), 0);
});

test("openUnlinked() closes every file that was swapped in, and gives up at last", () => {
  const { files, open } = filesWith(() => ({ identity: "1:2" }) as FileInfo);
  assert.throws(() => openUnlinked(files, "/file", "read", 0o600), { code: "ELOOP" });
  assert.equal(open(), 0);
});
