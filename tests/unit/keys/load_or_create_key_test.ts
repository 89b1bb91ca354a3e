import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomUUID,
  verify,
} from "node:crypto";
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { Buffer } from "node:buffer";
import { dirname } from "node:path";
import { pathToFileURL } from "node:url";
import { causeChain, isMenderError } from "../../../lib/core/errors.ts";
import { type LoadKeyOptions, loadOrCreateKey } from "../../../lib/keys/load_or_create_key.ts";
import type { FileDriver } from "../../../lib/runtime/files/file_driver.ts";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import { type LogRecorder, logRecorder } from "../../support/log_recorder.ts";
import { inTemporaryDirectory } from "../../support/temporary.ts";
import { test } from "../../support/test.ts";

const drivers = await hostDrivers();
const uid = drivers.self.uid;

/** Made once: a key takes a while. */
const small = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
const p256 = generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey;
const p384 = generateKeyPairSync("ec", { namedCurve: "secp384r1" }).privateKey;
const ed25519 = generateKeyPairSync("ed25519").privateKey;

function pem(key: KeyObject, type: "pkcs1" | "pkcs8" | "sec1"): string {
  return key.export({ type, format: "pem" } as { type: "pkcs8"; format: "pem" }).toString();
}

function publicPem(key: KeyObject): string {
  return createPublicKey(key).export({ type: "spki", format: "pem" }).toString();
}

/** A directory with a key file in it, or without. */
async function withKeyFile(
  content: string | Uint8Array | undefined,
  body: (path: string, options: LoadKeyOptions, logger: LogRecorder) => void | Promise<void>,
): Promise<void> {
  await inTemporaryDirectory(async (directory) => {
    const path = `${directory}/mender-agent.pem`;
    if (content !== undefined) writeFileSync(path, content, { mode: 0o600 });
    const logger = logRecorder();
    const generate = () => Promise.resolve(pem(small, "pkcs1"));
    await body(path, { files: drivers.files, path, uid, logger, generate }, logger);
  });
}

const parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
const readable: [name: string, key: KeyObject, text: string, kind: string][] = [
  ["RSA in PKCS#1", small, pem(small, "pkcs1"), "rsa"],
  ["RSA in PKCS#8", small, pem(small, "pkcs8"), "rsa"],
  ["EC P-256 in SEC1", p256, pem(p256, "sec1"), "ec"],
  ["EC P-256 with its parameters", p256, parameters + pem(p256, "sec1"), "ec"],
  ["EC P-256 in PKCS#8", p256, pem(p256, "pkcs8"), "ec"],
  ["EC P-384 in SEC1", p384, pem(p384, "sec1"), "ec"],
  ["Ed25519 in PKCS#8", ed25519, pem(ed25519, "pkcs8"), "ed25519"],
  ["RSA without a last newline", small, pem(small, "pkcs1").trimEnd(), "rsa"],
  ["RSA with text before", small, `my key\n${pem(small, "pkcs8")}`, "rsa"],
  ["RSA with CRLF", small, pem(small, "pkcs8").replaceAll("\n", "\r\n"), "rsa"],
];
for (const [name, key, text, kind] of readable) {
  test(`loadOrCreateKey() reads and signs with ${name}`, async () => {
    await withKeyFile(text, async (path, options, logger) => {
      const deviceKey = await loadOrCreateKey(options);
      assert.equal(deviceKey.kind, kind);
      assert.equal(deviceKey.publicKeyPem, publicPem(key));
      assert.match(
        deviceKey.publicKeyPem,
        /^-----BEGIN PUBLIC KEY-----\n[^]+\n-----END PUBLIC KEY-----\n$/,
      );

      const bytes = new TextEncoder().encode('{"id_data":"å"}\n');
      const signature = await deviceKey.sign(bytes);
      assert.match(signature, /^[A-Za-z0-9+/]+={0,2}$/);
      const digest = kind === "ed25519" ? null : "sha256";
      const raw = Buffer.from(signature, "base64");
      assert.ok(verify(digest, bytes, deviceKey.publicKeyPem, raw));
      assert.ok(!verify(digest, bytes.subarray(1), deviceKey.publicKeyPem, raw));
      if (kind === "ec") assert.equal(raw[0], 0x30, "DER, not raw r and s");

      assert.equal(readFileSync(path, "utf8"), text);
      assert.deepEqual(logger.lines(), []);
      assert.ok(!JSON.stringify(deviceKey).includes("PRIVATE"));
    });
  });
}

test("loadOrCreateKey() makes an RSA-3072 key, PKCS#1, mode 0600, when there is none", async () => {
  await inTemporaryDirectory(async (directory) => {
    const path = `${directory}/new/mender-agent.pem`;
    const logger = logRecorder();
    const made = await loadOrCreateKey({ files: drivers.files, path, uid, logger });
    const text = readFileSync(path, "utf8");
    assert.match(text, /^-----BEGIN RSA PRIVATE KEY-----\n/);
    assert.equal(createPrivateKey(text).asymmetricKeyDetails?.modulusLength, 3072);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(statSync(`${directory}/new`).mode & 0o777, 0o700);
    assert.deepEqual(readdirSync(`${directory}/new`), ["mender-agent.pem"]);
    assert.match(logger.all(), /info: A new device key was made/);

    const again = await loadOrCreateKey({ files: drivers.files, path, uid, logger });
    assert.equal(again.publicKeyPem, made.publicKeyPem);
    assert.equal(readFileSync(path, "utf8"), text);
  });
});

const replaced: [name: string, content: string | Uint8Array][] = [
  ["an empty file", ""],
  ["a file of blanks", "\n \n"],
  ["a file of zeros, as a power cut leaves it", new Uint8Array(2455)],
  ["a file without PEM", "not a key at all\n"],
];
for (const [name, content] of replaced) {
  test(`loadOrCreateKey() sets ${name} aside and makes a key`, async () => {
    await withKeyFile(content, async (path, options, logger) => {
      writeFileSync(`${path}.corrupt-1`, "from before");
      const key = await loadOrCreateKey(options);
      assert.equal(key.publicKeyPem, publicPem(small));
      assert.deepEqual(readFileSync(`${path}.corrupt-2`), Buffer.from(content));
      assert.equal(readFileSync(`${path}.corrupt-1`, "utf8"), "from before");
      assert.equal(readFileSync(path, "utf8"), pem(small, "pkcs1"));
      assert.match(logger.lines().join("\n"), /set aside: .*\.corrupt-2/);
    });
  });
}

for (const before of [undefined, "", "no PEM\n"]) {
  const found = before === undefined ? "no file" : JSON.stringify(before);
  test(`loadOrCreateKey() keeps the key that appeared while its own was made, from ${found}`, async () => {
    await withKeyFile(before, async (path, options) => {
      const generate = () => {
        writeFileSync(path, pem(p256, "sec1"), { mode: 0o600 });
        return Promise.resolve(pem(small, "pkcs1"));
      };
      const key = await loadOrCreateKey({ ...options, generate });
      assert.equal(key.publicKeyPem, publicPem(p256));
      assert.equal(readFileSync(path, "utf8"), pem(p256, "sec1"));
      assert.deepEqual(readdirSync(dirname(path)), ["mender-agent.pem"]);
    });
  });

  test(`loadOrCreateKey() keeps the key that appeared in the last instant, from ${found}`, async () => {
    await withKeyFile(before, async (path, options) => {
      let isFirst = true;
      const appear = (): void => {
        if (!isFirst) return;
        isFirst = false;
        writeFileSync(`${path}.other`, pem(p256, "sec1"), { mode: 0o600 });
        drivers.files.rename(`${path}.other`, path);
      };
      const files: FileDriver = {
        ...drivers.files,
        link: (from, to) => {
          appear();
          drivers.files.link(from, to);
        },
        rename: (from, to) => {
          appear();
          drivers.files.rename(from, to);
        },
      };
      const key = await loadOrCreateKey({ ...options, files });
      assert.equal(key.publicKeyPem, publicPem(p256));
      assert.equal(readFileSync(path, "utf8"), pem(p256, "sec1"));
      assert.deepEqual(readdirSync(dirname(path)), ["mender-agent.pem"]);
    });
  });
}

test("loadOrCreateKey() at the same time gives all processes the same key", async () => {
  await withKeyFile(undefined, async (path, { files }) => {
    const module = new URL("../../../lib/keys/mod.ts", import.meta.url).href;
    const host = new URL("../../../lib/runtime/host.ts", import.meta.url).href;
    const text = [
      `import { loadOrCreateKey } from ${JSON.stringify(module)};`,
      `import { hostDrivers } from ${JSON.stringify(host)};`,
      `const { files, self } = await hostDrivers();`,
      `const key = await loadOrCreateKey({ files, path: ${
        JSON.stringify(path)
      }, uid: self.uid, logger: { log() {} } });`,
      `self.writeOut(key.publicKeyPem);`,
    ].join("\n");
    const program = `${path}.mjs`;
    writeFileSync(program, text);
    const [command = "", ...args] = drivers.self.selfCommand(pathToFileURL(program), ["-A"]);
    const outputs = await Promise.all([1, 2, 3].map(() => outputOf(command, args)));
    const made = await loadOrCreateKey({ files, path, uid, logger: logRecorder() });
    assert.deepEqual(outputs, Array(3).fill(made.publicKeyPem));
    assert.deepEqual(readdirSync(dirname(path)).sort(), [
      "mender-agent.pem",
      "mender-agent.pem.mjs",
    ]);
  });
});

function outputOf(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, args, (error, stdout) => error ? reject(error) : resolve(stdout));
  });
}

test("loadOrCreateKey() tidies up after a crash between the two names of a new key", async () => {
  await withKeyFile(pem(p256, "sec1"), async (path, options) => {
    linkSync(path, `${dirname(path)}/.mender-agent.pem.${randomUUID()}.new`);
    assert.equal((await loadOrCreateKey(options)).publicKeyPem, publicPem(p256));
    assert.deepEqual(readdirSync(dirname(path)), ["mender-agent.pem"]);
  });
});

test("loadOrCreateKey() makes a key where there are no hard links", async () => {
  await withKeyFile(undefined, async (path, options) => {
    const files: FileDriver = {
      ...drivers.files,
      link: () => {
        throw Object.assign(new Error("EPERM: no links here"), { code: "EPERM" });
      },
    };
    assert.equal((await loadOrCreateKey({ ...options, files })).publicKeyPem, publicPem(small));
    assert.deepEqual(readdirSync(dirname(path)), ["mender-agent.pem"]);
  });
});

test("loadOrCreateKey() leaves a key in DER alone: key.damaged", async () => {
  const der = small.export({ type: "pkcs8", format: "der" });
  await withKeyFile(der, async (path, options) => {
    await assert.rejects(loadOrCreateKey(options), (error) => isMenderError(error, "key.damaged"));
    assert.deepEqual(readFileSync(path), der);
    assert.deepEqual(readdirSync(dirname(path)), ["mender-agent.pem"]);
  });
});

const encrypted = small.export({
  type: "pkcs8",
  format: "pem",
  cipher: "aes-256-cbc",
  passphrase: "x",
}).toString();
const secp256k1 = generateKeyPairSync("ec", { namedCurve: "secp256k1" }).privateKey;
const x25519 = generateKeyPairSync("x25519").privateKey;
const kept: [name: string, code: string, content: string][] = [
  ["an encrypted PKCS#8 key", "key.encrypted", encrypted],
  [
    "an encrypted PKCS#1 key",
    "key.encrypted",
    pem(small, "pkcs1").replace(
      "KEY-----\n",
      "KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES,0\n\n",
    ),
  ],
  ["a key that is cut off", "key.damaged", pem(small, "pkcs1").slice(0, 900)],
  ["a key without its first line", "key.damaged", pem(small, "pkcs1").slice(40)],
  ["a key with lost bytes", "key.damaged", pem(small, "pkcs1").replace(/\n.*\n/, "\n")],
  ["a public key", "key.unknown-type", publicPem(small)],
  [
    "an OpenSSH key",
    "key.unknown-type",
    pem(small, "pkcs8").replaceAll("PRIVATE", "OPENSSH PRIVATE"),
  ],
  ["a key for key exchange", "key.unknown-type", pem(x25519, "pkcs8")],
  ["a key on another curve", "key.unknown-type", pem(secp256k1, "sec1")],
];
for (const [name, code, content] of kept) {
  test(`loadOrCreateKey() leaves ${name} alone: ${code}`, async () => {
    await withKeyFile(content, async (path, options) => {
      await assert.rejects(loadOrCreateKey(options), (error) => {
        assert.ok(isMenderError(error, code), String(error));
        assert.equal(error.name, "KeyError");
        assert.equal(error.retry, "later");
        assert.ok(error.hint !== undefined);
        assert.doesNotMatch(causeChain(error).join("\n"), /MII/);
        return true;
      });
      assert.equal(readFileSync(path, "utf8"), content);
      assert.deepEqual(readdirSync(path.replace(/\/[^/]+$/, "")), ["mender-agent.pem"]);
    });
  });
}

function failingOpen(errno: string): FileDriver {
  return {
    ...drivers.files,
    open(path, mode, options) {
      if (mode !== "read") return drivers.files.open(path, mode, options);
      throw Object.assign(new Error(`${errno}: it failed`), { code: errno });
    },
  };
}

for (
  const [errno, says] of [
    ["EACCES", "permission denied"],
    ["EIO", "the storage fails"],
    ["EMFILE", "too many files are open"],
  ] as const
) {
  test(`loadOrCreateKey() makes no key when reading fails with ${errno}`, async () => {
    await withKeyFile(pem(p256, "sec1"), async (path, options) => {
      await assert.rejects(
        loadOrCreateKey({ ...options, files: failingOpen(errno) }),
        (error) => isMenderError(error, "key.unreadable") && error.message.includes(says),
      );
      assert.equal(readFileSync(path, "utf8"), pem(p256, "sec1"));
    });
  });
}

const unsafe: [name: string, arrange: (path: string) => void, says: RegExp][] = [
  ["a link", (path) => symlinkSync("elsewhere.pem", path), /symbolic link/],
  ["a link that leads nowhere", (path) => symlinkSync("nowhere", path), /symbolic link/],
  [
    "a file of two names",
    (path) => linkSync(path.replace(/[^/]+$/, "elsewhere.pem"), path),
    /2 names/,
  ],
  ["a directory", (path) => mkdirSync(path), /directory/],
];
for (const [name, arrange, says] of unsafe) {
  test(`loadOrCreateKey() does not trust ${name}`, async () => {
    await withKeyFile(undefined, async (path, options) => {
      const elsewhere = path.replace(/[^/]+$/, "elsewhere.pem");
      writeFileSync(elsewhere, pem(small, "pkcs1"));
      arrange(path);
      await assert.rejects(loadOrCreateKey(options), (error) => {
        assert.ok(isMenderError(error, "key.unsafe-file"), String(error));
        assert.match(error.message, says);
        return true;
      });
      assert.equal(readFileSync(elsewhere, "utf8"), pem(small, "pkcs1"));
    });
  });
}

test("loadOrCreateKey() does not trust a key of another user", async () => {
  await withKeyFile(pem(small, "pkcs1"), async (_path, options) => {
    await assert.rejects(
      loadOrCreateKey({ ...options, uid: uid + 1 }),
      (error) => isMenderError(error, "key.unsafe-file") && /belongs to user/.test(error.message),
    );
  });
});

test("loadOrCreateKey() closes a key that is open to others", async () => {
  await withKeyFile(pem(small, "pkcs1"), async (path, options, logger) => {
    chmodSync(path, 0o644);
    await loadOrCreateKey(options);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.match(logger.lines().join("\n"), /open to others \(mode 0644\); changed to 0600/);
  });
});

test("loadOrCreateKey() uses an open key even when it cannot be closed", async () => {
  await withKeyFile(pem(small, "pkcs1"), async (path, options, logger) => {
    chmodSync(path, 0o640);
    const files = {
      ...drivers.files,
      changeMode: () => {
        throw Object.assign(new Error("EROFS: read-only"), { code: "EROFS" });
      },
    };
    assert.equal((await loadOrCreateKey({ ...options, files })).kind, "rsa");
    assert.match(logger.lines().join("\n"), /cannot be changed: EROFS/);
  });
});

test("loadOrCreateKey() replaces the key when forced, whatever it is", async () => {
  for (const content of [pem(p256, "sec1"), encrypted, "-----BEGIN"]) {
    await withKeyFile(content, async (path, options) => {
      const key = await loadOrCreateKey({ ...options, force: true });
      assert.equal(key.publicKeyPem, publicPem(small));
      assert.equal(readFileSync(path, "utf8"), pem(small, "pkcs1"));
    });
  }
});

test("loadOrCreateKey() keeps the old key when the new one cannot be written", async () => {
  await withKeyFile(pem(p256, "sec1"), async (path, options) => {
    const files = {
      ...drivers.files,
      rename: () => {
        throw Object.assign(new Error("ENOSPC: full"), { code: "ENOSPC" });
      },
    };
    await assert.rejects(
      loadOrCreateKey({ ...options, files, force: true }),
      (error) =>
        isMenderError(error, "key.cannot-write") &&
        error.message.endsWith(": no space left on the device"),
    );
    assert.equal(readFileSync(path, "utf8"), pem(p256, "sec1"));
  });
});

test("loadOrCreateKey() never replaces a key that the configuration names", async () => {
  await withKeyFile(pem(p256, "sec1"), async (path, options, logger) => {
    const key = await loadOrCreateKey({ ...options, isStatic: true, force: true });
    assert.equal(key.publicKeyPem, publicPem(p256));
    assert.equal(readFileSync(path, "utf8"), pem(p256, "sec1"));
    assert.match(logger.lines().join("\n"), /named in the configuration and is not replaced/);
  });
});

test("loadOrCreateKey() reads a named key through a link and leaves its mode", async () => {
  await withKeyFile(pem(p256, "sec1"), async (path, options, logger) => {
    const link = `${path}.link`;
    symlinkSync(path, link);
    chmodSync(path, 0o640);
    const key = await loadOrCreateKey({ ...options, path: link, uid: uid + 1, isStatic: true });
    assert.equal(key.publicKeyPem, publicPem(p256));
    assert.equal(statSync(path).mode & 0o777, 0o640);
    assert.match(logger.lines().join("\n"), /open to others/);
  });
});

for (const content of [undefined, "", "no PEM"]) {
  test(`loadOrCreateKey() makes no named key in place of ${JSON.stringify(content)}`, async () => {
    await withKeyFile(content, async (path, options) => {
      await assert.rejects(
        loadOrCreateKey({ ...options, isStatic: true }),
        (error) => isMenderError(error, "key.missing"),
      );
      assert.equal(existsSync(path), content !== undefined);
    });
  });
}

for (const client of ["python_client", "mender_3_4"]) {
  test(`loadOrCreateKey() is the same device as ${client} was`, async () => {
    const data = new URL(`../../data/${client}/`, import.meta.url);
    const text = readFileSync(new URL("data/mender-agent.pem", data), "utf8");
    const body = readFileSync(new URL("auth_request.json", data));
    const signature = readFileSync(new URL("auth_request.signature", data), "utf8").trim();
    await withKeyFile(text, async (path, options) => {
      const key = await loadOrCreateKey(options);
      assert.equal(key.publicKeyPem, JSON.parse(body.toString()).pubkey);
      assert.equal(
        await key.sign(body),
        signature,
        "PKCS#1 v1.5 gives the same signature each time",
      );
      assert.equal(readFileSync(path, "utf8"), text);
    });
  });
}
