import type { Drivers } from "../../../lib/runtime/drivers.ts";
import type { DetachedOptions } from "../../../lib/runtime/processes/process_driver.ts";
import { watchSteps } from "../kill/step_names.ts";

/** What rows can do to the machine under the programs of a device. */
export class DeviceKnobs {
  /** Called before each durable step of a program of the device. */
  onStep: ((step: string) => void) | undefined;
  /** Longest run of a script on the world's clock, in milliseconds; what it is given is not shortened by ours. */
  scriptLimitMs = Infinity;
  /** Called before the daemon is started again. */
  onDaemonStart: (() => void) | undefined;
  /** Takes the place of a program that is started to outlive the daemon. */
  onStart: ((program: DetachedOptions) => DetachedOptions) | undefined;
  /** What wall clock and monotonic clock show too much, in milliseconds. */
  readonly clockIsOffBy = { wall: 0, monotonic: 0 };

  /** Does no harm any more; clocks stay as they are. */
  protected release(): void {
    this.onStep = this.onStart = this.onDaemonStart = undefined;
    this.scriptLimitMs = Infinity;
  }

  /** Puts the knobs between a program and its machine. */
  protected machineOf(drivers: Drivers, proxyUrl: string | undefined): Drivers {
    const { files, processes, clock, self } = drivers;
    return {
      ...drivers,
      files: watchSteps(files, (step) => this.onStep?.(step)),
      processes: {
        ...processes,
        run: (options) => {
          const timeoutMs = Math.min(options.timeoutMs, this.scriptLimitMs);
          return processes.run({ ...options, timeoutMs });
        },
        startDetached: (program) => processes.startDetached(this.onStart?.(program) ?? program),
      },
      clock: {
        ...clock,
        now: () => clock.now() + this.clockIsOffBy.wall,
        monotonic: () => clock.monotonic() + this.clockIsOffBy.monotonic,
      },
      self: {
        ...self,
        env: (name) => /^HTTPS?_PROXY$/.test(name) ? proxyUrl : undefined,
      },
    };
  }
}
