import type { Clock } from "../runtime/clock.ts";
import type { WebSocketConnection } from "../runtime/websocket/websocket_driver.ts";
import { SilenceWatch } from "./silence_watch.ts";

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
  const silence = new SilenceWatch(clock, SILENCE_LIMIT_MS, () => connection.cut());
  const ping = (): void => {
    connection.ping(PING_PAYLOAD);
    cancelPing = clock.after(PING_EVERY_MS, ping);
  };
  cancelPing = clock.after(PING_EVERY_MS, ping);
  silence.heard();
  const stopListening = connection.onHeard(() => silence.heard());
  return () => {
    cancelPing();
    silence.stop();
    stopListening();
  };
}
