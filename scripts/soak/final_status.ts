/** Whether a deployment with this status has come to its end. */
export function isFinal(status: string): boolean {
  return status === "success" || status === "failure";
}
