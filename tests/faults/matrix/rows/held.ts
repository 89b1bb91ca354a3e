import { waitUntil } from "../../../support/wait.ts";
import { FINAL, type Life, ROW_LIMIT_MS } from "../life.ts";
import type { Row } from "../row.ts";

/** Has update control hold the deployment, does something meanwhile, and lets it go on. */
export function whileHeld(
  act: (life: Life) => void | Promise<void>,
): Required<Pick<Row, "arm" | "during">> {
  return {
    arm: async (life) => void await takesEffect(life, "set", "--once", "--install", "pause"),
    during: async (life) => {
      const { record } = life.rig.paths;
      const isHeld = (): boolean => life.rig.read(record).includes('"held"');
      // A fault may have come before it.
      const isOver = (): boolean => FINAL.includes(life.statuses(life.deploymentId).at(-1) ?? "");
      await waitUntil("the hold", () => isHeld() || isOver(), ROW_LIMIT_MS);
      if (!isOver()) await act(life);
      await takesEffect(life, "clear");
    },
  };
}

/** The commands wait for the daemon on a fast clock; on a busy machine they give up before it answers. */
function takesEffect(life: Life, ...flow: readonly string[]): Promise<unknown> {
  const isDone = async (): Promise<boolean> => await life.run("flow", ...flow) === 0;
  return waitUntil(`flow ${flow[0]}`, isDone, ROW_LIMIT_MS);
}
