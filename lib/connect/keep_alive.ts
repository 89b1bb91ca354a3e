import type { Clock } from "../runtime/clock.ts";
import type { WebSocketConnection } from "../runtime/websocket/websocket_driver.ts";

/** How often the peer is pinged, and how long it may be silent (mender-connect: 54 s and 60 s). */
const PING_EVERY_MS = 25_000;
const SILENCE_LIMIT_MS = 60_000;

/** Seconds of silence that the other end may bear, as Mender's programs say it in a ping. */
const PING_PAYLOAD = "60";

/**
 * Pings the peer of a connection, and cuts it once nothing has come for a minute: no message, ping or
 * pong. So a peer that has vanished without a word is noticed.
 *
 * @returns Ends it.
 */
export function keepAlive(connection: WebSocketConnection, clock: Clock): () => void {
  let cancelPing = (): void => {};
  let cancelLimit = (): void => {};
  const ping = (): void => {
    connection.ping(PING_PAYLOAD);
    cancelPing = clock.after(PING_EVERY_MS, ping);
  };
  const heard = (): void => {
    cancelLimit();
    cancelLimit = clock.after(SILENCE_LIMIT_MS, () => connection.cut());
  };
  cancelPing = clock.after(PING_EVERY_MS, ping);
  heard();
  const stopListening = connection.onHeard(heard);
  return () => {
    cancelPing();
    cancelLimit();
    stopListening();
  };
}
