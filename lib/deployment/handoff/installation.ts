/** A status that an application may announce while it installs. */
export type AnnouncedStatus = "installing" | "rebooting";

/** A verified Artifact that an application is to install, and the deployment that it belongs to. */
export interface Installation {
  /** ID of the deployment. */
  readonly deploymentId: string;
  /** Name of the Artifact. */
  readonly artifactName: string;
  /** The Artifact: complete, and checked as it was configured. It stays until the server knows the outcome. */
  readonly artifactPath: string;
  /**
   * What the device provides once the Artifact is installed, `artifact_name` included: to be written to
   * `artifact_info`. Empty when the Artifact has been removed since an installation was interrupted.
   */
  readonly provides: Readonly<Record<string, string>>;
  /** Aborted when the client is closed. What is thrown after that counts as an interruption. */
  readonly signal: AbortSignal;
  /** Whether the machine was started anew since the installation began; only after an interruption. */
  readonly hasRebooted: boolean;
  /** Reads the Artifact from its beginning, each time anew. Leaving the loop closes the file. */
  read(): AsyncGenerator<Uint8Array, void>;
  /**
   * Tells the server what is about to happen; it is no outcome.
   *
   * @returns `gone`: the server has ended the deployment; it should be rolled back. `recorded`: the server
   * cannot be reached, and is told later.
   * @throws {ControlError} `control.ending`: the client is being closed; nothing is recorded.
   */
  announce(status: AnnouncedStatus): Promise<"accepted" | "gone" | "recorded">;
}

/**
 * Installs an Artifact, or finishes what was interrupted. When it has settled the outcome is durable, and
 * is delivered as that of `report` is: success, with the text that it returns as a message; or failure,
 * with the message of what it throws.
 */
export type InstallationHandler = (
  installation: Installation,
) => Promise<string | void> | string | void;
