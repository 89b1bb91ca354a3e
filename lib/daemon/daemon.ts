/**
 * The daemon: when to do what. It composes, waits and repeats; what is done, and the rules of it, are
 * below.
 *
 * @module
 */
import type { Device } from "../device/device.ts";
import { isMenderError } from "../core/errors.ts";
import { Alarm } from "./alarm.ts";
import { TurnQueue } from "./control/turn_queue.ts";
import type { ClientEvent } from "./client_event.ts";
import type { DaemonEnd, DaemonOptions, DaemonSettings } from "./daemon_options.ts";
import { type DaemonStatus, mapViews, tenths } from "./daemon_status.ts";
import { adviceOf, Failures } from "./failures.ts";
import type { RestState } from "./state_text.ts";
import { firstContactMs } from "./first_contact.ts";
import { PollRecord } from "./poll_record.ts";
import { TaskTimer } from "./task_timer.ts";

/** How often the lock is looked at while a deployment is with the sub-updater. */
const LOCK_CHECK_MS = 1000;

const SETTLE = "settle the last deployment";
/** A part of the program cannot be loaded: only another start helps. */
const LOST_MODULE = "runtime.module";

/** Least time from a token to the next question for one. */
const TOKEN_LOST_MS = 1500;

/**
 * The daemon: settles what was left behind, authenticates, sends the inventory, polls for deployments and
 * hands them over, one thing after the other. No failure of a server, script, key or file ends it.
 */
export class Daemon {
  #options: DaemonOptions;
  readonly #alarm: Alarm;
  readonly #settling: TaskTimer;
  readonly #authentication: TaskTimer;
  readonly #inventory: TaskTimer;
  readonly #update: TaskTimer;
  readonly #requests = new TurnQueue();
  readonly #failures: Failures;
  readonly #polls = new PollRecord();
  /** Tells this process apart from others, for whoever asked one before. */
  readonly mark: string;
  #signal = new AbortController().signal;
  #isWaitingForOutcome = false;
  /** The server wants an outcome no sooner. */
  #heldBackUntilMs = -Infinity;
  #fatal: unknown;
  /** Since the last look at what is in progress; the outcome may be reported before the next. */
  #hasHandedOver = false;
  #isAtWork = false;
  #hasFailed = false;

  /** Makes a daemon; nothing runs yet. */
  constructor(options: DaemonOptions) {
    const { retryPollMs, random } = options;
    const timer = (): TaskTimer => new TaskTimer(LOCK_CHECK_MS, retryPollMs, random.next);
    this.#options = options;
    this.mark = random.uuid();
    this.#failures = new Failures(options.logger, (event) => this.#tell(event));
    this.#alarm = new Alarm(options.clock);
    this.#settling = timer();
    this.#authentication = timer();
    this.#inventory = timer();
    this.#update = timer();
    this.#retime(options);
  }

  /**
   * Runs, once.
   *
   * @returns After the hand-off, or after one round (`isOnce`).
   * @throws The reason of `signal`, when it is aborted.
   * @throws {RuntimeError} `runtime.module`: a part of the program cannot be loaded, only another start helps.
   */
  async run(signal: AbortSignal): Promise<DaemonEnd> {
    this.#signal = signal;
    this.#polls.begin(this.#now());
    if (this.#options.isOnce !== true) this.#spreadFirstContact();
    try {
      for (;;) {
        signal.throwIfAborted();
        await this.#requests.serve();
        if (this.#fatal !== undefined) throw this.#fatal;
        // What comes due while something else is done is done in the next round.
        const now = this.#now();
        const isClear = await this.#settle(now);
        if ((isClear || this.#options.isTokenShared) && await this.#authenticate(now) && isClear) {
          await this.#sendInventory(now);
          const end = await this.#checkUpdate(now);
          if (end === "handed-over" && this.#options.isStaying !== true) return end;
          if (end === "handed-over") {
            this.#hasHandedOver = true;
            this.#settling.hurry();
          }
        }
        if (this.#options.isOnce === true) return this.#hasFailed ? "failed" : "done";
        await this.#sleepUntilDue();
      }
    } finally {
      this.#requests.close();
    }
  }

  /**
   * Does something with the device in a turn of its own, beside nothing else that the daemon does, then
   * looks at once at what has become of the deployment.
   *
   * @throws What `work` throws; {@link ControlError} `control.ending` when the daemon ends before.
   */
  perform<T>(work: (device: Device, signal: AbortSignal) => Promise<T>): Promise<T> {
    const result = this.#requests.add(async () => {
      if (this.#now() >= this.#heldBackUntilMs) this.#settling.hurry();
      try {
        return await work(this.#options.device, this.#signal);
      } catch (error) {
        this.#heed(error);
        throw error;
      }
    });
    this.#alarm.ring();
    return result;
  }

  /**
   * Delivers a recorded outcome in a turn of its own; one that the server does not take yet is delivered
   * later. Throws as {@link perform}.
   */
  deliverReport(deploymentId: string): ReturnType<Device["deliverReport"]> {
    return this.perform(async (device, signal) => {
      const result = await device.deliverReport(deploymentId, signal);
      if (result.state === "recorded") this.#heed(result.why);
      else this.#settling.hurry();
      return result;
    });
  }

  /** The device that it serves now. */
  get device(): Device {
    return this.#options.device;
  }

  /** Whether a deployment is being looked for, or carried out up to the hand-off. */
  get isAtWork(): boolean {
    return this.#isAtWork;
  }

  /**
   * Goes on with other settings, once what it is doing is done: a deployment that is being carried out
   * comes to its end before. Everything is due at once then.
   *
   * @returns The device that was served until then; the caller closes it.
   * @throws {ControlError} `control.ending`: it ends before, and the settings have no effect.
   */
  reconfigure(settings: DaemonSettings): Promise<Device> {
    return this.perform((device) => {
      this.#options = { ...this.#options, ...settings };
      this.#retime(settings);
      this.#failures.letIn();
      this.#failures.forget();
      return Promise.resolve(device);
    });
  }

  /** Authenticates anew in a turn of its own; a failure is told. Throws as {@link perform}. */
  authenticate(): Promise<void> {
    return this.perform(() => this.#askForToken());
  }

  /** Asks for a deployment as soon as nothing else is being done. */
  checkUpdate(): void {
    this.#authentication.hurry();
    this.#update.hurry();
    this.#alarm.ring();
  }

  /** Sends the inventory as soon as nothing else is being done. */
  sendInventory(): void {
    this.#authentication.hurry();
    this.#inventory.hurry();
    this.#alarm.ring();
  }

  /** Aborted when it is to end. */
  get signal(): AbortSignal {
    return this.#signal;
  }

  /** How it stands; what it works on is known to whoever follows the device's events. */
  status(): Omit<DaemonStatus, "deployment"> {
    const now = this.#now();
    const { updatePollMs, retryPollMs, device } = this.#options;
    const sinceAnswerMs = this.#polls.sinceAnswer(now);
    const lastFailure = this.#failures.last(now);
    const accessAtMs = device.isAuthorized ? now : this.#authentication.dueAtMs;
    const until = ({ dueAtMs }: TaskTimer): number =>
      tenths(Math.max(0, dueAtMs - now, accessAtMs - now));
    return {
      controlMaps: mapViews(device.maps),
      isAuthorized: device.isAuthorized,
      isStale: !this.#isWaitingForOutcome &&
        this.#polls.isStale(now, 2 * updatePollMs + retryPollMs),
      ...(sinceAnswerMs !== undefined && { lastPollSecondsAgo: tenths(sinceAnswerMs) }),
      ...(!this.#isWaitingForOutcome && {
        nextPollSeconds: until(this.#update),
        nextInventorySeconds: until(this.#inventory),
      }),
      ...(lastFailure !== undefined && { lastFailure }),
    };
  }

  #retime({ updatePollMs, inventoryPollMs, retryPollMs }: DaemonSettings): void {
    this.#settling.retime(LOCK_CHECK_MS, retryPollMs);
    // A token that is lost is asked for again soon, by whoever has lost it: it had one.
    this.#authentication.retime(Math.min(TOKEN_LOST_MS, retryPollMs), retryPollMs);
    this.#inventory.retime(inventoryPollMs, Math.min(retryPollMs, inventoryPollMs));
    this.#update.retime(updatePollMs, Math.min(retryPollMs, updatePollMs));
  }

  /** What has just failed is tried again with the next look: no sooner than the server asks for. */
  #heed(error: unknown): void {
    if (isMenderError(error, LOST_MODULE)) this.#fatal = error;
    if (typeof adviceOf(error) !== "object") return;
    this.#noteFailure(SETTLE, this.#settling, error);
    this.#heldBackUntilMs = this.#settling.dueAtMs;
    // Not looked at, it must not seem to be over.
    this.#isWaitingForOutcome = true;
  }

  #spreadFirstContact(): void {
    const { firstContactSpreadMs = 0, updatePollMs, random, logger } = this.#options;
    const waitMs = firstContactMs(firstContactSpreadMs, updatePollMs, random.next);
    if (waitMs === 0) return;
    this.#authentication.postpone(this.#now() + waitMs);
    logger.log("info", `The server is asked in ${tenths(waitMs)} s; check-update asks it now`);
  }

  /** Whether polls may go on: no deployment is in progress. */
  async #settle(now: number): Promise<boolean> {
    if (!this.#settling.isDue(now)) return !this.#isWaitingForOutcome;
    const found = await this.#attempt(SETTLE, this.#settling, async () => {
      for (;;) {
        const state = await this.#options.device.settle(this.#signal);
        if (state !== "again") return state;
      }
    });
    const isWaiting = found !== "clear";
    if (found === "waiting" && !this.#isWaitingForOutcome) {
      this.#options.logger.log("info", "A deployment is in progress; waiting for its outcome");
    }
    if (found === "clear" && (this.#isWaitingForOutcome || this.#hasHandedOver)) {
      // The device has most likely changed: the server should know before it is asked.
      this.#inventory.hurry();
      this.#update.hurry();
      this.#polls.excuse(this.#now());
    }
    if (found === "clear") {
      this.#hasHandedOver = false;
      this.#settling.rest();
    }
    this.#isWaitingForOutcome = isWaiting;
    return !isWaiting;
  }

  async #authenticate(now: number): Promise<boolean> {
    const { device } = this.#options;
    if (device.isAuthorized) return true;
    if (!this.#authentication.isDue(now)) return false;
    await this.#askForToken();
    return device.isAuthorized;
  }

  async #askForToken(): Promise<void> {
    const { device } = this.#options;
    await this.#attempt(
      "authenticate",
      this.#authentication,
      async () => {
        await device.authenticate(this.#signal);
        this.#tell({ type: "authorized" });
      },
    );
    if (device.isAuthorized) this.#failures.letIn();
  }

  async #sendInventory(now: number): Promise<void> {
    if (!this.#inventory.isDue(now)) return;
    const { device } = this.#options;
    await this.#attempt(
      "send the inventory",
      this.#inventory,
      async () => {
        await device.sendInventory(this.#signal);
        this.#tell({ type: "inventory-sent" });
      },
    );
  }

  async #checkUpdate(now: number): Promise<"handed-over" | "other"> {
    const { device } = this.#options;
    if (!this.#update.isDue(now) || !device.isAuthorized) return "other";
    const result = await this.#attempt(
      "check for a deployment",
      this.#update,
      () => {
        this.#isAtWork = true;
        return device.checkUpdate(this.#signal);
      },
    );
    this.#isAtWork = false;
    if (result !== undefined) {
      this.#polls.answered(this.#now());
      this.#tell({ type: "polled", result });
    }
    if (result === "nothing") this.#options.logger.log("debug", "No deployment for this device");
    // What could not be delivered, or broke off after the hand-off, is settled before the next poll.
    if (result !== "nothing") this.#settling.hurry();
    if (result === "failed") this.#hasFailed = true;
    return result === "handed-over" ? result : "other";
  }

  async #attempt<T>(
    what: string,
    timer: TaskTimer,
    work: () => Promise<T>,
  ): Promise<T | undefined> {
    try {
      const result = await work();
      timer.succeeded(this.#now());
      this.#failures.succeeded(what);
      return result;
    } catch (error) {
      if (this.#signal.aborted) throw this.#signal.reason;
      if (isMenderError(error, LOST_MODULE)) throw error;
      this.#hasFailed = true;
      this.#noteFailure(what, timer, error);
      return undefined;
    }
  }

  #noteFailure(what: string, timer: TaskTimer, error: unknown): void {
    const advice = adviceOf(error);
    const waitMs = timer.failed(this.#now(), advice);
    if (typeof advice === "object" && timer !== this.#inventory) this.#polls.excuse(timer.dueAtMs);
    this.#failures.failed(what, error, waitMs, this.#now());
  }

  #tell(event: ClientEvent): void {
    this.#options.onEvent?.(event);
  }

  #sleepUntilDue(): Promise<void> {
    const { device, isTokenShared } = this.#options;
    const polls = device.isAuthorized ? [this.#inventory, this.#update] : [this.#authentication];
    const mayPoll = !this.#isWaitingForOutcome || (!device.isAuthorized && isTokenShared === true);
    const timers = [this.#settling, ...(mayPoll ? polls : [])];
    const dueAt = Math.min(...timers.map((timer) => timer.dueAtMs));
    const waitMs = Math.max(0, dueAt - this.#now());
    if (waitMs > 0) this.#options.onRest?.(this.#restState());
    return this.#alarm.sleep(waitMs, this.#signal);
  }

  #restState(): RestState {
    const { device, updatePollMs } = this.#options;
    if (this.#isWaitingForOutcome) return { type: "waiting-for-outcome" };
    if (device.isAuthorized) return { type: "polling", intervalMs: updatePollMs };
    return { type: "not-let-in", failure: this.#failures.last(this.#now())?.code };
  }

  #now(): number {
    return this.#options.clock.monotonic();
  }
}
