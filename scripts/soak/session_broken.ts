/** What a user did was cut off: the device, or the way to it, has gone. */
export class SessionBroken extends Error {
  override readonly name = "SessionBroken";
}
