/**
 * Every step by which the commands change something durable between the offer of a deployment and its
 * acknowledged outcome. A step that is not here, or is here and not taken any more, fails a test: at
 * each of them power may go.
 */
export const DURABLE_STEPS: readonly string[] = [
  // The turn at the control socket.
  "daemon: create .daemon.sock.turn",
  "daemon: remove .daemon.sock.turn",
  "report: create .daemon.sock.turn",
  "report: remove .daemon.sock.turn",
  "report: remove daemon.sock",

  // The log of the deployment; lost lines are no harm.
  "daemon: create deployments.0001.<id>.log",
  "daemon: write deployments.0001.<id>.log",
  "report: write deployments.0001.<id>.log",

  ...record("daemon", "received"),
  ...record("daemon", "downloading"),
  "daemon: create artifact.mender.part",
  "daemon: truncate artifact.mender.part",
  "daemon: write artifact.mender.part",
  "daemon: sync artifact.mender.part",
  "daemon: sync directory after sync artifact.mender.part",
  ...record("daemon", "downloaded"),
  "daemon: rename artifact.mender",
  "daemon: sync directory after rename artifact.mender",
  ...record("daemon", "verified"),
  ...record("daemon", "held"),
  ...replaced("daemon", "control_maps.json"),
  "daemon: remove control_maps.json",
  "daemon: sync directory after remove control_maps.json",
  ...record("daemon", "handing_over"),
  ...replaced("daemon", "update.lock"),
  "daemon: start the sub-updater",
  ...record("daemon", "handed_over"),

  "report: create outcome.<id>.json",
  "report: write outcome.<id>.json",
  "report: sync outcome.<id>.json",
  "report: link outcome.<id>.json",
  "report: remove outcome.<id>.json",
  "report: sync directory after remove outcome.<id>.json",

  ...["daemon", "report"].flatMap((role) => [
    ...record(role, "outcome_recorded"),
    ...replaced(role, "log-upload.<id>.json"),
    ...record(role, "acknowledged"),
    `${role}: remove artifact.mender`,
    `${role}: remove log-upload.<id>.json`,
  ]),
  "daemon: remove update.lock",
  "daemon: sync directory after remove update.lock",
];

function record(role: string, phase: string): string[] {
  const name = `deployment.json (${phase})`;
  // Beside the record the new one is made; which phase it is for shows when it is written.
  const create = `${role}: create deployment.json`;
  const steps = replaced(role, name).filter((step) => !step.includes("create"));
  return phase === "received" || (role === "report" && phase === "outcome_recorded")
    ? [create, ...steps]
    : steps;
}

function replaced(role: string, name: string): string[] {
  return [
    `${role}: create ${name}`,
    `${role}: write ${name}`,
    `${role}: sync ${name}`,
    `${role}: rename ${name}`,
    `${role}: sync directory after rename ${name}`,
  ];
}
