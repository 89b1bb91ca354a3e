import type { Clock } from "../clock.ts";
import type { ChildProcess, ProcessDriver, ProcessIdentity } from "./process_driver.ts";
import { serviceScript } from "./service_script.ts";
import { runToEnd, type SpawnedProgram } from "./spawned_program.ts";
import { streamChunks, textLines } from "../text_lines.ts";

/** What a runtime must be able to do; everything else about processes is the same on both. */
export interface ProcessStarter {
  /** Starts a program with pipes on all three standard streams. */
  spawn(
    command: string,
    args: readonly string[],
    env?: Readonly<Record<string, string>>,
  ): SpawnedProgram;
  /** Starts a program in a session of its own, without streams, and lets go of it. */
  spawnDetached(command: string, args: readonly string[]): number;
}

/** Makes the process driver of a runtime. */
export function processDriver(starter: ProcessStarter, clock: Clock): ProcessDriver {
  return {
    run(options) {
      return new Promise((resolve, reject) => {
        try {
          const args = [options.command, ...options.args ?? []];
          const program = starter.spawn(serviceScript("run_bounded.sh"), args, options.env);
          runToEnd(program, options, clock).then(resolve, reject);
        } catch (error) {
          reject(error);
        }
      });
    },
    startDetached: (options) => starter.spawnDetached(options.command, options.args),
    start(options) {
      const program = starter.spawn(options.command, options.args, options.env);
      if (options.isAttached !== true) program.closeInput();
      return childOf(program);
    },
    async identify(pid) {
      const program = starter.spawn(serviceScript("process_identity.sh"), [String(pid)]);
      const limits = { command: "", timeoutMs: 5000, maxOutputBytes: 1024 };
      const result = await runToEnd(program, limits, clock);
      return parseProcessIdentity(new TextDecoder().decode(result.stdout));
    },
  };
}

/** Reads what `process_identity.sh` prints. */
export function parseProcessIdentity(text: string): ProcessIdentity {
  const [bootId = "", startTime = ""] = text.split("\n");
  if (!/^[0-9a-f-]{36}$/.test(bootId)) {
    throw new Error(
      `Cannot identify processes: no boot ID in ${JSON.stringify(text.slice(0, 80))}`,
    );
  }
  return { bootId, startTime: startTime === "" ? undefined : startTime };
}

function childOf(program: SpawnedProgram): ChildProcess {
  return {
    pid: program.pid,
    lines: mergedLines(program),
    ended: program.ended,
    closeInput: () => program.closeInput(),
    kill: (signal) => program.kill(signal),
  };
}

type OutputLine = { stream: "stdout" | "stderr"; text: string };

async function* mergedLines(program: SpawnedProgram): AsyncGenerator<OutputLine, void> {
  const queue: OutputLine[] = [];
  let wake = (): void => {};
  let open = 2;
  const pump = async (stream: "stdout" | "stderr"): Promise<void> => {
    try {
      for await (const text of textLines(streamChunks(program[stream]))) {
        queue.push({ stream, text });
        wake();
      }
    } finally {
      open--;
      wake();
    }
  };
  const pumps = Promise.all([pump("stdout"), pump("stderr")]);
  pumps.catch(() => {}); // awaited below, after the lines that did arrive
  while (open > 0 || queue.length > 0) {
    const next = queue.shift();
    if (next !== undefined) yield next;
    else await new Promise<void>((resolve) => wake = resolve);
  }
  await pumps;
}
