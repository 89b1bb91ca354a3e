/** What can happen to a file that is not being written. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Life } from "../life.ts";
import type { Row } from "../row.ts";

/** What becomes of a file; without a content it is gone. */
export type Damage = (content: Uint8Array<ArrayBuffer>) => Uint8Array | undefined;

const DAMAGES: readonly (readonly [words: string, damage: Damage])[] = [
  ["has a bit flipped", (content) => {
    const at = content.length >> 1;
    content[at]! ^= 0x10;
    return content;
  }],
  ["lost its end", (content) => content.subarray(0, content.length >> 1)],
  ["is empty", () => new Uint8Array()],
  ["is all zeros", (content) => content.fill(0)],
  ["is gone", () => undefined],
  ["is of another version", (content) => {
    const text = new TextDecoder().decode(content);
    const later = text.replace('"schema": 1', '"schema": 9');
    if (later === text) throw new Error("it names no version");
    return new TextEncoder().encode(later);
  }],
];

/** All that can happen to a file that names no version. */
export const UNVERSIONED = /bit|end|empty|zeros|gone/;

/** Damages a file; nobody may be at work with it. */
export function damageFile(life: Life, path: string, damage: Damage): void {
  const content = damage(new Uint8Array(readFileSync(path)));
  if (content === undefined) rmSync(path);
  else writeFileSync(path, content);
  life.hasStruck();
}

/** Damages a file while no daemon runs. */
export async function damaged(life: Life, path: string, damage: Damage): Promise<void> {
  await life.stopDaemon();
  damageFile(life, path, damage);
  life.startDaemon();
}

/** Over which protocol a damage is played: what happens on the disk has nothing to do with it. */
const schemesOf = (words: string): Pick<Row, "schemes"> => ({
  schemes: [DAMAGES.findIndex(([each]) => each === words) % 2 === 0 ? "http" : "https"],
});

/** A row for each damage that fits: what it is, when it is done, and how it is played. */
export function eachDamage(
  name: string,
  when: string,
  which: RegExp,
  play: (damage: Damage) => Partial<Row>,
): Row[] {
  return DAMAGES.filter(([words]) => which.test(words)).map(([words, damage]): Row => ({
    fault: `${name} ${words}, ${when}`,
    family: `${name} …, ${when}`,
    member: words,
    isLight: true,
    ...schemesOf(words),
    end: "reported",
    repair: removeAside,
    ...play(damage),
  }));
}

function removeAside(life: Life): void {
  for (const name of life.dataFiles().filter((each) => each.includes(".corrupt-"))) {
    rmSync(join(life.rig.paths.dataDirectory, name), { force: true });
  }
}
