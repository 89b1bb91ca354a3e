import { createHash, generateKeyPairSync, type KeyObject } from "node:crypto";
import { strict as assert } from "node:assert";
import { test } from "../../support/test.ts";
import { keyFingerprint, readVerifyKeys } from "../../../lib/artifact/mod.ts";
import { isMenderError } from "../../../lib/core/errors.ts";

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ec = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
const p384 = generateKeyPairSync("ec", { namedCurve: "secp384r1" });
const ed25519 = generateKeyPairSync("ed25519");
const spki = (key: KeyObject) => key.export({ type: "spki", format: "pem" }).toString();

test("readVerifyKeys() reads RSA and ECDSA P-256, and tells them apart by fingerprint", () => {
  const texts = [spki(rsa.publicKey), spki(ec.publicKey), `# comment\n${spki(ec.publicKey)}`];
  texts.push(rsa.publicKey.export({ type: "pkcs1", format: "pem" }).toString());
  const prints = readVerifyKeys(texts.map((text) => ({ path: "key.pem", text }))).map(
    keyFingerprint,
  );
  const wanted = [rsa, ec, ec, rsa].map(({ publicKey }) =>
    createHash("sha256").update(publicKey.export({ type: "spki", format: "der" })).digest("hex")
  );
  assert.deepEqual(prints, wanted);
  assert.deepEqual(readVerifyKeys([]), []);
});

const UNUSABLE: Record<string, string> = {
  "an empty file": "",
  "text": "hello",
  "a damaged key": spki(rsa.publicKey).replace(/\n.{20}/, "\nAAAAAAAAAAAAAAAAAAAA"),
  "a key cut short": spki(rsa.publicKey).slice(0, 100),
  "a private key": rsa.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  "an Ed25519 key": spki(ed25519.publicKey),
  "a P-384 key": spki(p384.publicKey),
};

for (const [what, text] of Object.entries(UNUSABLE)) {
  test(`readVerifyKeys() refuses ${what} though another key is sound, naming the file`, () => {
    const files = [{ path: "/etc/good.pem", text: spki(ec.publicKey) }, {
      path: "/etc/k.pem",
      text,
    }];
    assert.throws(() => readVerifyKeys(files), (error) => {
      assert.ok(isMenderError(error, "config.bad-verify-key"), String(error));
      assert.match(error.message, /"\/etc\/k\.pem"/);
      if (text.length > 40) assert.ok(!error.message.includes(text.slice(-60, -30)));
      return true;
    });
  });
}
