/** One subject of the bench: measures it, and prints what it found. */
export interface BenchRow {
  /** What `--only` calls it. */
  readonly name: string;
  /** What it is about, in a few words. */
  readonly title: string;
  /** Runs of each participant unless `--runs` says otherwise. */
  readonly defaultRuns: number;
  /** Measures every participant `runs` times, turn by turn, and prints the figures. */
  readonly run: (runs: number) => Promise<void>;
}
