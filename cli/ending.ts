/** What has to be done at the end of a command: the last thing that was begun is ended first. */
export class Ending {
  readonly #steps: (() => unknown)[] = [];

  /** Adds what ends the thing that was just begun. */
  add(step: () => unknown): void {
    this.#steps.push(step);
  }

  /**
   * Takes every step, also when one fails.
   *
   * @throws What the first of them has thrown.
   */
  async run(): Promise<void> {
    const failures: unknown[] = [];
    for (const step of this.#steps.splice(0).reverse()) {
      try {
        await step();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}
