import { CONTROL_STATES, type ControlState } from "../../lib/control/control_map.ts";
import type { MapOrder, OrderOptions } from "../../lib/control/map_order.ts";
import { parsePolicy, type Policy } from "../../lib/control/policy/policy.ts";
import {
  nextLookInMs,
  opensAt,
  policyOrder,
  type PolicyStand,
  policyStand,
  refuseNeverOpen,
} from "../../lib/control/policy/schedule.ts";
import type { UpdateFlow } from "../../lib/flow/update_flow.ts";
import type { CommandContext } from "../command_context.ts";
import { asUsage, fileText } from "./map_source.ts";
import { POINT_NAMES } from "./state_text.ts";

/** A command that has not answered by then has not allowed anything. */
const COMMAND_LIMIT_MS = 10_000;

/**
 * Reads the policy of a file.
 *
 * @throws {UsageError} `usage.bad-map`: it cannot be read, breaks a rule, or never lets an update pass.
 */
export function policyFrom(context: CommandContext, file: string): Policy {
  const text = fileText(context, file);
  return asUsage(() => {
    const policy = parsePolicy(text);
    refuseNeverOpen(policy, { wallMs: context.drivers.clock.now(), timeZone: machineZone() });
    return policy;
  }, file);
}

/** Turns a policy into orders over time: looks at clock, commands and confirmations. */
export class PolicyRunner {
  readonly #context: CommandContext;
  readonly #policy: Policy;
  readonly #owner: OrderOptions;
  /** Points that were confirmed since the last order. */
  readonly #confirmed = new Set<ControlState>();
  #isWoken = false;
  #wake: () => void = () => {};
  #told = "";

  /** Looks at nothing yet. */
  constructor(context: CommandContext, policy: Policy, owner: OrderOptions) {
    this.#context = context;
    this.#policy = policy;
    this.#owner = owner;
  }

  /** The order that the policy makes now. */
  async look(): Promise<MapOrder> {
    return policyOrder(await this.#stand(this.#context.signal), this.#owner);
  }

  /**
   * Gives a flow the orders that the policy makes, until the signal is aborted.
   *
   * A confirmation is used up by the order that it leads to: whatever changes afterwards, it lets no second
   * update pass.
   */
  async run(flow: UpdateFlow, signal: AbortSignal): Promise<never> {
    const { drivers, logger } = this.#context;
    let last = "";
    void this.#listen(signal).catch((error) =>
      logger.log("error", "Confirmations cannot be read any more", {}, error)
    );
    for (;;) {
      const stand = await this.#stand(signal);
      for (const state of stand.passes) this.#confirmed.delete(state);
      // A confirmation that was used up leads back to where we were: that is no news.
      const waiting = Object.fromEntries(stand.passes.map((state) => [state, "confirmation"]));
      const rest = JSON.stringify(Object.entries({ ...stand.held, ...waiting }).sort());
      if (stand.passes.length > 0 || rest !== last) flow.replace(policyOrder(stand, this.#owner));
      last = rest;
      this.#tell(stand);
      await this.#rest(nextLookInMs(drivers.clock.now()), signal);
    }
  }

  async #stand(signal: AbortSignal): Promise<PolicyStand> {
    return policyStand(this.#policy, {
      wallMs: this.#context.drivers.clock.now(),
      timeZone: machineZone(),
      allowedByCommand: await this.#askCommands(signal),
      confirmed: this.#confirmed,
    });
  }

  async #askCommands(signal: AbortSignal): Promise<Set<ControlState>> {
    const allowed = new Set<ControlState>();
    for (const state of CONTROL_STATES) {
      const command = this.#policy.states[state]?.command;
      if (command !== undefined && await this.#allows(command, signal)) allowed.add(state);
    }
    return allowed;
  }

  async #allows(command: readonly string[], signal: AbortSignal): Promise<boolean> {
    const { drivers, logger } = this.#context;
    const [program = "", ...args] = command;
    try {
      const { code, isTimedOut } = await drivers.processes.run({
        command: program,
        args,
        timeoutMs: COMMAND_LIMIT_MS,
        maxOutputBytes: 4096,
        signal,
      });
      signal.throwIfAborted();
      if (isTimedOut) {
        const limit = COMMAND_LIMIT_MS / 1000;
        logger.log("warning", `${program} was ended after ${limit} s; updates are held`);
      }
      return code === 0 && !isTimedOut;
    } catch (error) {
      signal.throwIfAborted();
      logger.log("warning", `Cannot run ${program}; updates are held`, {}, error);
      return false;
    }
  }

  /** Confirmations are lines of standard input that name a point. */
  async #listen(signal: AbortSignal): Promise<void> {
    const { drivers, logger } = this.#context;
    const states = CONTROL_STATES.filter((state) =>
      this.#policy.states[state]?.needsConfirmation === true
    );
    if (states.length === 0) return;
    for await (const line of drivers.self.inputLines(signal)) {
      const word = line.trim();
      if (word === "") continue;
      const state = states.find((name) => POINT_NAMES[name] === word);
      if (state === undefined) {
        logger.log("warning", `Unknown confirmation: ${word.slice(0, 40)}`);
        continue;
      }
      logger.log("info", `Confirmed: one update may pass ${state}`);
      this.#confirmed.add(state);
      this.#isWoken = true;
      this.#wake();
    }
  }

  /** Says what is waited for, when that has changed. */
  #tell({ held, passes }: PolicyStand): void {
    const { drivers, logger } = this.#context;
    const facts = { wallMs: drivers.clock.now(), timeZone: machineZone() };
    const lines = CONTROL_STATES.flatMap((state) => {
      const waiting = held[state];
      if (waiting === undefined) return [];
      const name = POINT_NAMES[state];
      if (waiting === "command") return [`${name}: held until its command succeeds`];
      if (waiting === "confirmation") return [`${name}: held until "${name}" is entered`];
      const opening = opensAt(this.#policy, state, facts);
      const when = opening === undefined ? "some day" : new Date(opening).toISOString();
      return [`${name}: held until its window opens, ${when}`];
    });
    const text = lines.length > 0
      ? lines.join("; ")
      : passes.length > 0
      ? "Held are only further updates"
      : "Updates may pass";
    if (text !== this.#told) logger.log("info", text, { event: "policy" });
    this.#told = text;
  }

  #rest(waitMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const end = (settle: () => void): void => {
        cancel();
        signal.removeEventListener("abort", onAbort);
        this.#wake = () => {};
        this.#isWoken = false;
        settle();
      };
      const onAbort = (): void => end(() => reject(signal.reason));
      // It may have been confirmed while commands were asked.
      const cancel = this.#context.drivers.clock.after(
        this.#isWoken ? 0 : waitMs,
        () => end(resolve),
      );
      this.#wake = () => end(resolve);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }
}

function machineZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}
