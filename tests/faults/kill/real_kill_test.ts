import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { controlMapJson, controlMapText } from "../../../lib/control/control_map_json.ts";
import { askControl } from "../../../lib/daemon/control/ask_control.ts";
import { sleep } from "../../../lib/runtime/clock.ts";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import { type ClientRig, rigArtifact, withRig } from "../../support/client_rig.ts";
import { notedMap } from "../../support/control_maps.ts";
import { test } from "../../support/test.ts";
import { waitUntil } from "../../support/wait.ts";
import { withServer } from "../../support/with_server.ts";
import { DURABLE_STEPS } from "./durable_steps.ts";

const { self, sockets, clock } = await hostDrivers();

/** What the gate leaves to a longer run: at these steps a kill differs little from one beside them. */
const isLeftOut = (step: string): boolean =>
  process.env["MENDER_DENO_ALL_KILLS"] === undefined &&
  !/: (rename|link|start|remove|sync directory)/.test(step);
/** They mostly wait for programs to start. */
const AT_ONCE = 3;

const steps = process.env.ONLY
  ? Array(12).fill(process.env.ONLY)
  : DURABLE_STEPS.filter((step) => !isLeftOut(step));

test(
  `real kills: SIGKILL of the process group at ${steps.length} steps loses nothing`,
  async () => {
    let next = 0;
    const struck: string[] = [];
    const playSome = async (): Promise<void> => {
      for (let step = steps[next++]; step !== undefined; step = steps[next++]) {
        try {
          if (await play(step)) struck.push(step);
        } catch (error) {
          throw new Error(`SIGKILL at "${step}"`, { cause: error });
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, playSome));
    // On a real machine these are another story: a stale socket, a lock that the sub-updater removes.
    const missing = steps.filter((step) => !struck.includes(step));
    assert.deepEqual(
      missing.filter((step) => !/daemon\.sock|update\.lock|log-upload/.test(step)),
      [],
    );
  },
  { limitMs: 900_000, leaks: "the sub-updater outlives its client" },
);

/** Plays one deployment; gives whether the step was reached. */
function play(step: string): Promise<boolean> {
  return withServer(
    { autoAccept: true },
    (server) =>
      withRig({ serverUrl: server.url }, async (rig) => {
        const isReport = step.startsWith("report");
        const deaths = join(rig.root, "deaths");
        mkdirSync(deaths);
        // The sub-updater reports, and tries again when it was killed at that, as at the next boot.
        const report = (command: readonly string[]): string =>
          command.map((w) => `'${w}'`).join(" ");
        rig.script(
          rig.paths.installScript,
          `echo "$1" >> ${join(rig.root, "installed")}
${isReport ? `DOOM='${step}' setsid -w ${report(doomed(rig, "report", "--failure"))}` : "false"}
code=$?
[ $code -le 1 ] || echo report > ${join(deaths, "report")}
[ $code -eq 0 ] || ${report(rig.command("report", "--failure"))}
[ $? -eq 0 ] && rm -f ${rig.paths.lock}`,
        );
        await server.uploadArtifact(rigArtifact("release-2", 3000));
        assert.equal((await rig.run("daemon", "--once")).code, 0);
        const id = server.createDeployment({ artifactName: "release-2" });
        // Update control holds it, until an application that looks after it lets it go on.
        const over = new AbortController();
        const isHeld = /\(held\)|control_maps/.test(step);
        if (isHeld) {
          const map = controlMapJson(notedMap("A0:pause"));
          rig.write(rig.paths.controlMaps, JSON.stringify({ active: [map] }), 0o600);
        }
        const releasing = isHeld ? release(rig, over.signal) : Promise.resolve();
        const status = (): string => server.deployment(id).devices[0]!.status;
        // It stays when it is to deliver; else it ends with the hand-off, and `report` delivers.
        if (await runDoomed(rig, step, isReport ? [] : ["--stay"])) {
          writeFileSync(join(deaths, "daemon"), "");
        }
        if (isReport) {
          const isPast = (): boolean =>
            existsSync(join(deaths, "report")) || !existsSync(rig.paths.lock);
          await waitUntil("the report", isPast, 60_000);
        }
        const daemon = rig.start("daemon", "--stay");
        const isOver = (): boolean =>
          status() === "failure" && !existsSync(rig.paths.lock) &&
          rig.record()?.phase === "acknowledged";
        await waitUntil("the end of the deployment", isOver, 60_000).catch((error) => {
          const { record, lock, subUpdaterLog } = rig.paths;
          const seen = [record, lock, subUpdaterLog].map((path) => rig.read(path));
          throw new Error([String(error), status(), daemon.output(), ...seen].join("\n"));
        });
        over.abort();
        await releasing;
        daemon.kill("SIGTERM");
        // It may have had no time to listen to signals: all was over when it came.
        const { code, signal } = await daemon.ended;
        assert.ok(code === 0 || signal === "SIGTERM", daemon.output());
        assert.ok(rig.installed().length <= 1, `${rig.installed()}`);
        const finals = server.deployment(id).devices[0]!.history
          .filter(({ status: each }) => each === "failure" || each === "success");
        assert.equal(finals.length, 1);
        assert.deepEqual(server.violations().map(({ violation }) => violation), []);
        assert.ok(!existsSync(rig.paths.partFile));
        return existsSync(join(deaths, isReport ? "report" : "daemon"));
      }),
  );
}

/** Sets and deletes maps at whichever daemon holds the deployment. */
async function release(rig: ClientRig, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && existsSync(rig.root)) {
    if (rig.record()?.phase === "held") {
      for (const map of ["B-5:pause", "B-5:", "A0:"]) {
        const request = { v: 1, do: "set-map", map: controlMapText(notedMap(map)) } as const;
        try {
          await askControl({ sockets, clock }, rig.paths.controlSocket, request, 5000);
        } catch {
          break; // it has just died; the next one is asked
        }
      }
    }
    await sleep(clock, 50);
  }
}

function doomed(rig: ClientRig, ...args: readonly string[]): string[] {
  const program = new URL("./doomed_main.ts", import.meta.url);
  return [...self.selfCommand(program, ["-A"]), "--root", rig.root, ...args];
}

/** Runs a daemon that is doomed; gives whether it was killed. */
async function runDoomed(
  rig: ClientRig,
  step: string,
  options: readonly string[],
): Promise<boolean> {
  const [program = "", ...args] = doomed(rig, "daemon", ...options);
  return await new Promise((resolve, reject) => {
    // A group of its own: that is what is killed.
    const child = spawn(program, args, {
      stdio: "ignore",
      detached: true,
      env: { ...process.env, DOOM: step },
    });
    child.on("error", reject);
    child.on("close", (_code, signal) => resolve(signal === "SIGKILL"));
    // A step that this story does not take is not waited for.
    const look = setInterval(() => {
      const isOver = rig.record()?.phase === "acknowledged" && !existsSync(rig.paths.lock);
      if (isOver && options.length > 0) process.kill(child.pid!, "SIGTERM");
    }, 200);
    child.on("close", () => clearInterval(look));
  });
}
