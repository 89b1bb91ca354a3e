import type { JsonObject } from "../../../core/json.ts";
import type { Drivers } from "../../../runtime/drivers.ts";
import { canonicalJson } from "../canonical_json.ts";
import { ServerRefusal } from "../refusal.ts";
import type { AuthSetRecord, AuthSetStatus, DeviceRecord } from "./state.ts";
import type { StateFile } from "./state_file.ts";
import type { TokenOffice } from "./token_office.ts";

/** Status of a device: the best that one of its auth sets has. */
export type DeviceStatus = AuthSetStatus | "noauth";

const BEST_FIRST: readonly AuthSetStatus[] = ["accepted", "preauthorized", "pending", "rejected"];

/** The devices and who of them may speak to the server. */
export class DeviceRegistry {
  readonly #file: StateFile;
  readonly #drivers: Drivers;
  readonly #tokens: TokenOffice;

  /** Works on the devices of a state. */
  constructor(file: StateFile, drivers: Drivers, tokens: TokenOffice) {
    this.#file = file;
    this.#drivers = drivers;
    this.#tokens = tokens;
  }

  /** All devices, oldest first. */
  list(): readonly DeviceRecord[] {
    return this.#file.state.devices;
  }

  /** The device of an ID; throws {@link ServerRefusal} `server.not-found`. */
  get(id: string): DeviceRecord {
    const device = this.list().find((known) => known.id === id);
    if (device === undefined) throw new ServerRefusal("server.not-found", "device not found");
    return device;
  }

  /**
   * Files an authentication request whose signature was good: one device per identity, one auth set
   * per identity and key. A preauthorized set becomes accepted; a new one waits. With `autoAccept` the
   * only key of a device does not, but a second one still waits for the operator: it may be a thief's.
   */
  authenticate(
    identity: JsonObject,
    pubkey: string,
    autoAccept: boolean,
  ): { device: DeviceRecord; authSet: AuthSetRecord } {
    const device = this.#find(identity) ?? this.#addDevice(identity);
    const authSet = device.authSets.find((set) => set.pubkey === pubkey) ??
      this.#addAuthSet(device, pubkey, "pending");
    const isWelcome = autoAccept && authSet.status === "pending" && device.authSets.length === 1;
    if (isWelcome || authSet.status === "preauthorized") {
      this.setStatus(device.id, authSet.id, "accepted");
    }
    return { device, authSet };
  }

  /**
   * Announces a key before its device comes with it.
   *
   * @param isForced Whether a device that is known already gets the key besides those that it has; one
   * that is accepted with this very key stays so.
   * @throws {ServerRefusal} `server.conflict` when the device is known and it is not forced.
   */
  preauthorize(identity: JsonObject, pubkey: string, isForced: boolean): DeviceRecord {
    const known = this.#find(identity);
    if (known !== undefined && !isForced) {
      throw new ServerRefusal("server.conflict", "device already exists");
    }
    const device = known ?? this.#addDevice(identity);
    const authSet = device.authSets.find((set) => set.pubkey === pubkey);
    if (authSet === undefined) this.#addAuthSet(device, pubkey, "preauthorized");
    else if (authSet.status !== "accepted") this.#assign(device, authSet, "preauthorized");
    return device;
  }

  /**
   * The auth set of a device.
   *
   * @throws {ServerRefusal} `server.not-found` when there is none, `server.bad-request` when it is
   * another device's.
   */
  authSet(deviceId: string, authSetId: string): AuthSetRecord {
    const device = this.get(deviceId);
    const isWanted = (set: AuthSetRecord): boolean => set.id === authSetId;
    const set = device.authSets.find(isWanted);
    if (set !== undefined) return set;
    if (this.list().some((other) => other.authSets.some(isWanted))) {
      throw new ServerRefusal("server.bad-request", "the authorization is of another device");
    }
    throw new ServerRefusal("server.not-found", "authorization not found");
  }

  /** Decides on an auth set. A device has one accepted set: accepting one rejects the other. */
  setStatus(
    deviceId: string,
    authSetId: string,
    status: "accepted" | "rejected" | "pending",
  ): void {
    const device = this.get(deviceId);
    const chosen = this.authSet(deviceId, authSetId);
    if (chosen.status === status) return;
    if (status === "accepted") {
      for (const other of device.authSets) {
        if (other.status === "accepted") this.#assign(device, other, "rejected");
      }
    }
    this.#assign(device, chosen, status);
  }

  /** Forgets an auth set, and with it its tokens. */
  removeAuthSet(deviceId: string, authSetId: string): void {
    const device = this.get(deviceId);
    const gone = this.authSet(deviceId, authSetId);
    device.authSets = device.authSets.filter((set) => set !== gone);
    this.#tokens.revoke((token) => token.authSetId === authSetId);
    this.#touch(device);
  }

  /** Forgets a device, and with it its tokens. */
  remove(id: string): void {
    const gone = this.get(id);
    this.#file.state.devices = this.#file.state.devices.filter((device) => device !== gone);
    this.#tokens.revoke((token) => token.kind === "device" && token.subject === id);
    this.#file.changed();
  }

  /** Status of a device as a whole. */
  statusOf(device: DeviceRecord): DeviceStatus {
    return BEST_FIRST.find((status) => device.authSets.some((set) => set.status === status)) ??
      "noauth";
  }

  /** IDs of all accepted devices, or of those in a group. */
  acceptedIds(group?: string): string[] {
    return this.list()
      .filter((device) => this.statusOf(device) === "accepted")
      .filter((device) => group === undefined || device.group === group)
      .map((device) => device.id);
  }

  #find(identity: JsonObject): DeviceRecord | undefined {
    const key = canonicalJson(identity);
    return this.list().find((device) => device.identityKey === key);
  }

  #addDevice(identity: JsonObject): DeviceRecord {
    const now = this.#drivers.clock.now();
    const device: DeviceRecord = {
      id: this.#drivers.random.uuid(),
      identity,
      identityKey: canonicalJson(identity),
      createdAt: now,
      updatedAt: now,
      authSets: [],
      inventory: [],
    };
    this.#file.state.devices.push(device);
    this.#file.changed();
    return device;
  }

  #addAuthSet(device: DeviceRecord, pubkey: string, status: AuthSetStatus): AuthSetRecord {
    const id = this.#drivers.random.uuid();
    const set: AuthSetRecord = { id, pubkey, status, createdAt: this.#drivers.clock.now() };
    device.authSets.push(set);
    this.#touch(device);
    return set;
  }

  #assign(device: DeviceRecord, set: AuthSetRecord, status: AuthSetStatus): void {
    set.status = status;
    if (status !== "accepted") this.#tokens.revoke((token) => token.authSetId === set.id);
    this.#touch(device);
  }

  #touch(device: DeviceRecord): void {
    device.updatedAt = this.#drivers.clock.now();
    this.#file.changed();
  }
}
