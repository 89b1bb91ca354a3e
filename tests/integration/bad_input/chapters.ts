import type { BadInputChapter } from "./bad_input.ts";
import { commandLines, controlMaps } from "./command_lines.ts";
import { configuration } from "./configuration.ts";
import { deviceFacts, deviceKey } from "./device_files.ts";
import { serverAnswers } from "./server_answers.ts";
import { dataDirectory, deploymentState } from "./state.ts";

/** All bad inputs, in the order of `docs/bad_input.md`. */
export const CHAPTERS: readonly BadInputChapter[] = [
  commandLines,
  configuration,
  deviceKey,
  deviceFacts,
  deploymentState,
  dataDirectory,
  serverAnswers,
  controlMaps,
];
