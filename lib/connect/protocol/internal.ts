/**
 * The messages between a device and the server's remote access: frames, and what is in them. It knows no
 * socket, and never fails on a message otherwise than by `session.bad-message`.
 *
 * @module
 */
export * from "./control_messages.ts";
export * from "./file_mode.ts";
export * from "./file_transfer_messages.ts";
export * from "./frame.ts";
export * from "./frame_head.ts";
export * from "./frame_reader.ts";
export * from "./mender_client_messages.ts";
export { badMessage, readMsgpack } from "./msgpack_reader.ts";
export { writeMsgpack } from "./msgpack_writer.ts";
export * from "./port_forward_messages.ts";
export * from "./shell_messages.ts";
export * from "./wire_value.ts";
