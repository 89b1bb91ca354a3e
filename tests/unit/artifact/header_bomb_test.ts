import { Buffer } from "node:buffer";
import { test } from "../../support/test.ts";
import { packed, READABLE_SUFFIXES } from "../../support/packed.ts";
import { tarArchive, type TarEntry } from "../../../lib/testing/tar_writer.ts";
import { build, type Parts, read, rejectsWith } from "./artifact_parts.ts";

const MIB = 1024 * 1024;
const zeros = (name: string, mebibytes: number): TarEntry => ({
  name,
  content: new Uint8Array(mebibytes * MIB),
});

const BOMBS: [name: string, make: (suffix: string) => Parts][] = [
  [
    "a script that expands beyond what all scripts may have",
    () => ({
      header: (list) => list.toSpliced(1, 0, zeros("scripts/ArtifactInstall_Enter_01", 17)),
    }),
  ],
  [
    "meta-data that expands beyond what a document may have",
    () => ({ header: (list) => [...list, zeros("headers/0000/meta-data", 2)] }),
  ],
  ["zeros without end behind its end marker", (suffix) => ({
    storedHeader: () =>
      packed(
        Buffer.concat([
          tarArchive([{ name: "header-info", content: "x" }]),
          new Uint8Array(40 * MIB),
        ]),
        suffix,
      ),
  })],
];

for (const suffix of READABLE_SUFFIXES) {
  for (const [name, make] of BOMBS) {
    test(`ArtifactReader refuses a header.tar${suffix} with ${name}`, async () => {
      const bytes = build({ suffix, ...make(suffix) });
      await rejectsWith("artifact.too-large", read(bytes));
    });
  }
}
