import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { machineLine } from "./machine.ts";
import type { BenchRow } from "./row.ts";

const DIRECTORY = fileURLToPath(new URL("../../docs/bench/", import.meta.url));

/** Measures a row, and writes what it prints to its page in `docs/bench`, with the machine and the day. */
export async function measureOnPage(row: BenchRow, runs: number): Promise<void> {
  const lines: string[] = [];
  const { log } = console;
  console.log = (...words: unknown[]): void => {
    lines.push(words.join(" "));
    log(...words);
  };
  try {
    console.log(`${row.name}: ${row.title} (${runs} runs)`);
    await row.run(runs);
  } finally {
    console.log = log;
  }
  mkdirSync(DIRECTORY, { recursive: true });
  const text = [
    `# Speed: ${row.name}`,
    "",
    `Written by \`deno task bench\`, ${new Date().toISOString().slice(0, 10)}:`,
    "",
    "```",
    ...machineLine().split("\n"),
    ...lines,
    "```",
    "",
  ];
  writeFileSync(`${DIRECTORY}${row.name}.md`, text.join("\n"));
}
