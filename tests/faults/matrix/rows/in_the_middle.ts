import { waitUntil } from "../../../support/wait.ts";
import { ARTIFACT, ETAG, type Life, SIZE } from "../life.ts";

/** Cuts the first download in the middle, after doing something. */
export function inTheMiddle(life: Life, act: () => void | Promise<void>): void {
  life.on("artifact", 1, async (exchange) => {
    exchange.start(200, { etag: ETAG, "content-length": `${SIZE}` });
    const half = SIZE >> 1;
    await exchange.write(ARTIFACT.subarray(0, half));
    const { partFile } = life.rig.paths;
    await waitUntil("the first half", () => life.rig.read(partFile).length > 0);
    await act();
    exchange.cut();
  });
}
