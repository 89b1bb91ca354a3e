/** Kinds of keys that a Mender server accepts from a device. */
export type DeviceKeyKind = "rsa" | "ec" | "ed25519";

/** The key that proves to the server which device this is. Shows its public half only. */
export interface DeviceKey {
  /** Public half: PEM of a SubjectPublicKeyInfo, ends in a newline. */
  readonly publicKeyPem: string;
  /** What kind of key it is. */
  readonly kind: DeviceKeyKind;
  /**
   * Signs bytes as the server verifies them: RSA PKCS#1 v1.5 over SHA-256, ECDSA over SHA-256 in DER,
   * Ed25519 over the bytes themselves.
   *
   * @returns Standard base64 with padding, on one line.
   */
  sign(bytes: Uint8Array): Promise<string>;
}
