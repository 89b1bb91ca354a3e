import { menderClientFrame, type MenderClientType } from "../../../connect/protocol/internal.ts";
import { type Answer, jsonAnswer } from "../answer.ts";
import type { Call } from "../call.ts";
import { ServerRefusal } from "../refusal.ts";
import { timeText } from "../time_text.ts";
import type { RemoteSession } from "./remote_session.ts";

/** `GET .../deviceconnect/devices/{id}`: whether the device has a connection. */
export function getConnection(call: Call): Answer {
  const device = call.context.devices.get(call.param("id"));
  const state = call.context.remote.state(device.id);
  return jsonAnswer({
    device_id: device.id,
    status: state?.status ?? "unknown",
    created_ts: timeText(state?.createdAt ?? device.createdAt),
    updated_ts: timeText(state?.updatedAt ?? device.createdAt),
  });
}

/** `POST .../devices/{id}/check-update` and `send-inventory`: told to the device, not waited for. */
export function wakeDevice(type: MenderClientType): (call: Call) => Answer {
  return (call) => {
    const session = openSession(call);
    session.send(menderClientFrame(type, "", call.context.file.state.userId));
    session.close();
    return jsonAnswer(null, 202);
  };
}

/** A session for the device of the call; `server.not-found` when there is no connection. */
export function openSession(call: Call): RemoteSession {
  const device = call.context.devices.get(call.param("id"));
  return call.context.remote.open(device.id, call.context.file.state.userId);
}

/** The same for file transfer, where the server says 409 instead. */
export function openFileSession(call: Call): RemoteSession {
  const device = call.context.devices.get(call.param("id"));
  if (call.context.remote.connection(device.id) === undefined) {
    throw new ServerRefusal("server.conflict", "device not connected");
  }
  return openSession(call);
}
