import type { Life } from "../life.ts";
import type { Group, Row } from "../row.ts";
import { DISK_STORIES, type DiskStory } from "./disk_stories.ts";

const ERRORS: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full",
  EROFS: "the disk is read-only",
  EACCES: "permission is lost",
};

/** A row for every durable step, in a story in which it is taken. */
export function eachStep(
  words: string,
  arm: (life: Life, step: string, story: DiskStory) => void,
  more: Partial<Row> = {},
): Row[] {
  return DISK_STORIES.flatMap((story) =>
    story.steps.map((step): Row => ({
      fault: `${words}${story.words}: ${step}`,
      family: `${words}${story.words}: …`,
      member: step,
      end: "reported",
      schemes: ["http"],
      isLight: true,
      ...more,
      ...story.play,
      async arm(life) {
        arm(life, step, story);
        await story.play.arm?.(life);
      },
    }))
  );
}

function failsTwice(code: string, life: Life, step: string): void {
  let left = 2;
  life.onStep = (at) => {
    if (at !== step || left-- <= 0) return;
    life.hasStruck();
    throw Object.assign(new Error(`${code}: ${step}`), { code });
  };
}

/** Every durable step fails twice, in each of the ways of a disk. */
export const DISKS: readonly Group[] = Object.entries(ERRORS).map(([code, words]) => ({
  title: `Disks: ${words}`,
  clockFactor: 40,
  config: { HandoffRunner: "fork", UpdateControlMapExpirationTimeSeconds: 36_000 },
  rows: eachStep(`${words}, twice`, (life, step) => failsTwice(code, life, step)),
}));
