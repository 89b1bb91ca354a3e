import { strict as assert } from "node:assert";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";
import {
  ackFrame,
  chunkFrame,
  type Frame,
  goFileMode,
  int64,
  integerProperty,
  pathFrame,
  plainControlFrame,
  PROTOCOLS,
  putFrame,
  type PutRequest,
  readFileInfo,
  readTransferError,
  WINDOW_BYTES,
} from "../../lib/connect/protocol/internal.ts";
import type { RemoteSession } from "../../lib/testing/mod.ts";
import { faultyFiles } from "../support/faulty_files.ts";
import {
  EVERYTHING,
  type RemoteAccessRigOptions,
  withRemoteAccess,
} from "../support/remote_access_rig.ts";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";
import { operator } from "../support/with_server.ts";

const isRoot = process.getuid?.() === 0;

/** Puts a file chunk by chunk; gives the text of the error, or `undefined`. */
async function put(
  session: RemoteSession,
  request: PutRequest,
  content: Uint8Array,
): Promise<string | undefined> {
  session.send(putFrame("", request));
  const failure = (frame: Frame): string | undefined =>
    frame.type === "error" ? readTransferError(frame) : undefined;
  const first = await session.next();
  if (failure(first) !== undefined) return failure(first);
  for (let at = 0; at < content.length; at += 4096) {
    session.send(chunkFrame("", at, content.subarray(at, at + 4096)));
  }
  session.send(chunkFrame("", content.length));
  for (;;) {
    const frame = await session.next();
    if (failure(frame) !== undefined) return failure(frame);
    if (integerProperty(frame, "offset") === content.length) return undefined;
  }
}

/** Gets a file; gives the text of the error, or the bytes. */
async function get(session: RemoteSession, path: string): Promise<Uint8Array | string> {
  session.send(pathFrame("get_file", "", path));
  const chunks: Uint8Array[] = [];
  for (let size = 0;;) {
    const frame = await session.next();
    if (frame.type === "error") return readTransferError(frame);
    assert.equal(integerProperty(frame, "offset"), size);
    assert.deepEqual(frame.properties.get("offset"), int64(size));
    size += frame.body.length;
    session.send(ackFrame("", size));
    if (frame.body.length === 0) {
      const whole = new Uint8Array(size);
      chunks.reduce((at, chunk) => (whole.set(chunk, at), at + chunk.length), 0);
      return whole;
    }
    chunks.push(frame.body);
  }
}

const limits = (more: Record<string, unknown>): RemoteAccessRigOptions => ({
  config: { ...EVERYTHING, Limits: { Enabled: true, FileTransfer: more } },
});

const noise = (size: number): Uint8Array => Uint8Array.from({ length: size }, (_, at) => at * 7);

for (const size of [0, 1, 4095, 4096, 4097, 10 * 4096, WINDOW_BYTES, 300_001]) {
  test(`file transfer carries ${size} bytes both ways, with mode and facts`, () =>
    withRemoteAccess({}, async ({ open, dir, server }) => {
      const session = open();
      const path = join(dir, "file");
      assert.equal(
        await put(session, { path, goMode: goFileMode("file", 0o640) }, noise(size)),
        undefined,
      );
      assert.deepEqual(new Uint8Array(readFileSync(path)), noise(size));
      assert.equal(statSync(path).mode & 0o7777, 0o640);
      session.send(pathFrame("stat", "", path));
      const facts = readFileInfo(await session.next());
      assert.deepEqual([facts.sizeBytes, facts.goMode, facts.uid], [
        size,
        0o640,
        process.getuid?.(),
      ]);
      assert.ok(Math.abs((facts.modifiedAtMs ?? 0) - statSync(path).mtimeMs) < 1);
      assert.deepEqual(await get(session, path), noise(size));
      assert.deepEqual(readdirSync(dir).sort(), ["file", "mender-connect.conf"]);
      assert.deepEqual(server.violations(), []);
      session.close();
    }));
}

test("file transfer sends no more than the window without an acknowledgement", () =>
  withRemoteAccess({}, async ({ open, dir }) => {
    const path = join(dir, "file");
    writeFileSync(path, noise(500_000));
    const session = open();
    session.send(pathFrame("get_file", "", path));
    let received = 0;
    while (received < WINDOW_BYTES) received += (await session.next()).body.length;
    await assert.rejects(session.next(300), /timeout/);
    session.send(ackFrame("", 4096));
    received += (await session.next()).body.length;
    await assert.rejects(session.next(300), /timeout/);
    assert.equal(received, WINDOW_BYTES + 4096);
    session.send(plainControlFrame("close", ""));
    session.close();
  }));

test("file transfer acknowledges each tenth chunk, and what came when nothing follows", () =>
  withRemoteAccess({}, async ({ open, dir }) => {
    const session = open();
    session.send(putFrame("", { path: join(dir, "file") }));
    assert.equal(integerProperty(await session.next(), "offset"), 0);
    for (let at = 0; at < 12; at++) session.send(chunkFrame("", at * 4096, noise(4096)));
    assert.equal(integerProperty(await session.next(), "offset"), 9 * 4096);
    assert.equal(integerProperty(await session.next(), "offset"), 11 * 4096);
    session.close();
  }));

test("file transfer keeps an empty file whose session is closed right behind its end", () =>
  withRemoteAccess({}, async ({ open, dir }) => {
    const path = join(dir, "empty");
    const session = open();
    session.send(putFrame("", { path }));
    session.send(chunkFrame("", 0));
    session.send(plainControlFrame("close", ""));
    await waitUntil("the file", () => existsSync(path));
    session.close();
  }));

test("file transfer leaves nothing of a file whose session is closed in the middle", () =>
  withRemoteAccess({}, async ({ open, dir }) => {
    const path = join(dir, "file");
    writeFileSync(path, "as it was");
    const session = open();
    session.send(putFrame("", { path }));
    session.send(chunkFrame("", 0, noise(4096)));
    await session.next();
    await session.next();
    assert.equal(readdirSync(dir).length, 3);
    session.send(plainControlFrame("close", ""));
    await waitUntil("the end", () => readdirSync(dir).length === 2);
    assert.equal(readFileSync(path, "utf8"), "as it was");
    session.close();
  }));

test("file transfer puts a file into a directory under its own name, and names no other way", () =>
  withRemoteAccess({}, async ({ open, dir }) => {
    const session = open();
    const into = join(dir, "into");
    mkdirSync(join(into, "taken"), { recursive: true });
    assert.equal(
      await put(session, { path: into, sourcePath: "some/where/x" }, noise(3)),
      undefined,
    );
    assert.equal(statSync(join(into, "x")).size, 3);
    const conflict = "conflicting file path: cannot overwrite directory";
    for (const sourcePath of [undefined, "..", "/", "a/taken"]) {
      assert.equal(await put(session, { path: into, sourcePath }, noise(3)), conflict);
    }
    symlinkSync("x", join(into, "link"));
    assert.equal(
      await put(session, { path: join(into, "link") }, noise(3)),
      "conflicting file path: cannot overwrite irregular file",
    );
    session.close();
  }));

for (
  const name of [
    "a b",
    "ü€😀",
    "new\nline",
    "-rf",
    "'\"$(id)",
    "x".repeat(255),
    "\\",
    "%2e%2e",
    "tab\t",
  ]
) {
  test(`file transfer takes the name ${JSON.stringify(name.slice(0, 20))}`, () =>
    withRemoteAccess({}, async ({ open, dir }) => {
      const session = open();
      const path = join(dir, name);
      assert.equal(await put(session, { path }, noise(5)), undefined);
      assert.deepEqual(await get(session, path), noise(5));
      session.close();
    }));
}

test("file transfer strips set-id bits, in Go's spelling and in that of Unix", () =>
  withRemoteAccess({}, async ({ open, dir }) => {
    const session = open();
    for (const goMode of [goFileMode("file", 0o6755), 0o6755]) {
      assert.equal(await put(session, { path: join(dir, "x"), goMode }, noise(1)), undefined);
      assert.equal(statSync(join(dir, "x")).mode & 0o7777, 0o755);
    }
    session.close();
  }));

test(
  "file transfer gives a file the owner that was asked for",
  () =>
    withRemoteAccess({}, async ({ open, dir }) => {
      const session = open();
      const path = join(dir, "x");
      assert.equal(
        await put(session, { path, uid: 1, gid: 2, goMode: 0o600 }, noise(1)),
        undefined,
      );
      assert.deepEqual([statSync(path).uid, statSync(path).gid], [1, 2]);
      session.close();
    }),
  { skip: isRoot ? undefined : "only root can" },
);

type Step = (session: RemoteSession, dir: string) => void;

for (
  const [name, steps, text] of [
    [
      "a chunk without a transfer",
      [(s) => s.send(chunkFrame("", 0, noise(1)))],
      /^no file transfer/,
    ],
    [
      "an ack without a transfer",
      [(s) => s.send(ackFrame("", 5))],
      /^no file transfer in progress$/,
    ],
    [
      "an unknown type",
      [(s) => s.send({ protocol: PROTOCOLS.fileTransfer, type: "dance" })],
      /^session: filetransfer message type 'dance' not supported$/,
    ],
    ["a request without a path", [(s) => s.send(putFrame("", { path: "" }))], /^malformed request/],
    [
      "a body that is no map",
      [(s) => s.send({ protocol: PROTOCOLS.fileTransfer, type: "stat", body: Uint8Array.of(1) })],
      /^malformed request parameters: /,
    ],
    ["a relative path", [(s) => s.send(pathFrame("stat", "", "x"))], /must be absolute/],
    ["a path with a zero", [(s) => s.send(pathFrame("stat", "", "/x\0y"))], /must be absolute/],
    [
      "a file that is not there",
      [(s) => s.send(pathFrame("stat", "", "/no/such"))],
      /^failed to get file info from path '\/no\/such': .*(ENOENT|No such file)/,
    ],
    ["a directory", [(s, dir) => s.send(pathFrame("get_file", "", dir))], /no regular file/],
    ["a device", [(s) => s.send(pathFrame("get_file", "", "/dev/zero"))], /no regular file/],
    [
      "a directory that is not there",
      [(s) => s.send(putFrame("", { path: "/no/such/file" }))],
      /^failed to create target file: failed to create file: /,
    ],
    ["an offset that is not due", [
      (s, dir) => s.send(putFrame("", { path: join(dir, "x") })),
      (s) => s.send(chunkFrame("", 7, noise(1))),
    ], /^received unexpected chunk offset$/],
    ["an offset that is no number", [
      (s, dir) => s.send(putFrame("", { path: join(dir, "x") })),
      (s) =>
        s.send({
          protocol: PROTOCOLS.fileTransfer,
          type: "file_chunk",
          properties: { offset: "0" },
          body: noise(1),
        }),
    ], /missing offset property/],
    ["an ack of what was not sent", [
      (s, dir) => s.send(pathFrame("get_file", "", join(dir, "mender-connect.conf"))),
      (s) => s.send(ackFrame("", 1e9)),
    ], /invalid ack/],
    ["a second transfer at the same time", [
      (s, dir) => s.send(putFrame("", { path: join(dir, "x") })),
      (s, dir) => s.send(putFrame("", { path: join(dir, "y") })),
    ], /^another file transfer is in progress$/],
  ] as readonly (readonly [string, readonly Step[], RegExp])[]
) {
  test(`file transfer answers ${name} with the protocol's error, and works on`, () =>
    withRemoteAccess({}, async ({ open, dir, server, logger }) => {
      const session = open();
      for (const step of steps) step(session, dir);
      const error = await waitUntil("the error", async () => {
        const frame = await session.next();
        return frame.type === "error" && frame;
      });
      assert.equal(error.protocol, PROTOCOLS.fileTransfer);
      assert.match(readTransferError(error), text);
      assert.match(logger.lines().join("\n"), /Error of a file transfer/);
      session.send(plainControlFrame("close", ""));
      session.close();

      const next = open();
      assert.equal(await put(next, { path: join(dir, "next") }, noise(5000)), undefined);
      assert.deepEqual(await get(next, join(dir, "next")), noise(5000));
      assert.deepEqual(readdirSync(dir).filter((file) => file.endsWith(".part")), []);
      assert.deepEqual(server.violations(), []);
      next.close();
    }));
}

test("file transfer: a full disk is told, and leaves the old file and nothing else", () =>
  withRemoteAccess({
    drivers: (host) => {
      let writes = 0;
      const { files } = faultyFiles(
        host.files,
        (call) => call === "handle.write" && ++writes === 3 ? "ENOSPC" : undefined,
      );
      return { ...host, files };
    },
  }, async ({ open, dir }) => {
    const path = join(dir, "file");
    writeFileSync(path, "old");
    const session = open();
    assert.match(await put(session, { path }, noise(50_000)) ?? "", /ENOSPC/);
    assert.equal(readFileSync(path, "utf8"), "old");
    assert.deepEqual(readdirSync(dir).sort(), ["file", "mender-connect.conf"]);
    const again = open();
    assert.equal(await put(again, { path }, noise(50_000)), undefined);
    for (const one of [session, again]) one.close();
  }));

test("file transfer is durable before it is acknowledged: written, synced, renamed", () => {
  const calls: string[] = [];
  return withRemoteAccess({
    drivers: (host) => {
      const watched = faultyFiles(host.files, (call) => void calls.push(call));
      return { ...host, files: watched.files };
    },
  }, async ({ open, dir }) => {
    const session = open();
    assert.equal(await put(session, { path: join(dir, "x") }, noise(10)), undefined);
    const order = [
      "handle.write",
      "handle.syncInBackground",
      "handle.changeMode",
      "rename",
      "syncDirectory",
    ];
    const places = order.map((call) => calls.lastIndexOf(call));
    assert.ok(places.every((place, at) => place > (places[at - 1] ?? 0)), `${calls}`);
    session.close();
  });
});

interface LimitCase {
  readonly limits: Record<string, unknown>;
  readonly prepare?: (root: string, outside: string) => void;
  readonly act: (
    session: RemoteSession,
    root: string,
    outside: string,
  ) => Promise<string | undefined>;
  readonly text: RegExp;
}

const asText = async (answer: Promise<Uint8Array | string>): Promise<string> =>
  String(await answer);
const request = async (session: RemoteSession, path: string): Promise<string> => {
  session.send(pathFrame("stat", "", path));
  const frame = await session.next();
  return frame.type === "error" ? readTransferError(frame) : "facts";
};

const CASES: Readonly<Record<string, LimitCase>> = {
  "a path outside": {
    limits: {},
    act: (s, _root, outside) => asText(get(s, join(outside, "secret"))),
    text: /^access denied: the target file path is outside chroot$/,
  },
  "a path that climbs out": {
    limits: {},
    act: (s, root) => asText(get(s, `${root}/../outside/secret`)),
    text: /outside chroot/,
  },
  "a neighbour whose name begins alike": {
    limits: {},
    prepare: (root) => writeFileSync(`${root}-x`, "secret"),
    act: (s, root) => asText(get(s, `${root}-x`)),
    text: /outside chroot/,
  },
  "a link that leads out": {
    limits: { FollowSymLinks: true },
    prepare: (root, outside) => symlinkSync(outside, join(root, "way")),
    act: (s, root) => asText(get(s, join(root, "way/secret"))),
    text: /outside chroot/,
  },
  "facts of what is outside": {
    limits: {},
    act: (s, _root, outside) => request(s, join(outside, "secret")),
    text: /outside chroot/,
  },
  "putting through a link that leads out": {
    limits: { FollowSymLinks: true, AllowOverwrite: true },
    prepare: (root, outside) => symlinkSync(outside, join(root, "way")),
    act: (s, root) => put(s, { path: join(root, "way/new") }, noise(1)),
    text: /outside chroot/,
  },
  "putting into a directory that is a link out": {
    limits: { FollowSymLinks: true, AllowOverwrite: true },
    prepare: (root, outside) => symlinkSync(outside, join(root, "way")),
    act: (s, root) => put(s, { path: join(root, "way"), sourcePath: "new" }, noise(1)),
    text: /outside chroot/,
  },
  "a link, when none may be followed": {
    limits: {},
    prepare: (root) => {
      writeFileSync(join(root, "real"), "x");
      symlinkSync("real", join(root, "link"));
    },
    act: (s, root) => asText(get(s, join(root, "link"))),
    text: /^access denied: forbidden to follow the link$/,
  },
  "an overwrite": {
    limits: {},
    prepare: (root) => writeFileSync(join(root, "old"), "x"),
    act: (s, root) => put(s, { path: join(root, "old") }, noise(1)),
    text: /^access denied: forbidden to overwrite the file$/,
  },
  "a set-id file in Go's spelling": {
    limits: {},
    act: (s, root) =>
      put(s, { path: join(root, "x"), goMode: goFileMode("file", 0o4755) }, noise(1)),
    text: /^access denied: the set uid mode is forbidden$/,
  },
  "a set-id file in that of Unix": {
    limits: {},
    act: (s, root) => put(s, { path: join(root, "x"), goMode: 0o4755 }, noise(1)),
    text: /the set uid mode is forbidden/,
  },
  "a size that is announced": {
    limits: { MaxFileSize: 100 },
    act: (s, root) => put(s, { path: join(root, "x"), sizeBytes: 101 }, noise(1)),
    text: /^access denied: the file size is over the limit$/,
  },
  "a size that is not announced": {
    limits: { MaxFileSize: 5000 },
    act: (s, root) => put(s, { path: join(root, "x") }, noise(5001)),
    text: /^transmitted bytes limit exhausted$/,
  },
  "a large file that is got": {
    limits: { MaxFileSize: 100 },
    prepare: (root) => writeFileSync(join(root, "big"), noise(101)),
    act: (s, root) => asText(get(s, join(root, "big"))),
    text: /the file size is over the limit/,
  },
  "too much received in a minute": {
    limits: { AllowOverwrite: true, Counters: { MaxBytesRxPerMinute: 10_000 } },
    act: async (s, root) => {
      assert.equal(await put(s, { path: join(root, "x") }, noise(6000)), undefined);
      return await put(s, { path: join(root, "x") }, noise(6000));
    },
    text: /^transmitted bytes limit exhausted$/,
  },
  "too much sent in a minute": {
    limits: { Counters: { MaxBytesTxPerMinute: 10_000 } },
    prepare: (root) => writeFileSync(join(root, "big"), noise(6000)),
    act: async (s, root) => {
      assert.equal((await get(s, join(root, "big"))).length, 6000);
      return await asText(get(s, join(root, "big")));
    },
    text: /^transmitted bytes limit exhausted$/,
  },
  ...isRoot && {
    "a file of another owner": {
      limits: { OwnerGet: ["daemon"] },
      prepare: (root: string) => writeFileSync(join(root, "x"), "x"),
      act: (s: RemoteSession, root: string) => asText(get(s, join(root, "x"))),
      text: /^access denied: the file owner does not match$/,
    },
    "a file of another group": {
      limits: { GroupGet: ["daemon"] },
      prepare: (root: string) => writeFileSync(join(root, "x"), "x"),
      act: (s: RemoteSession, root: string) => asText(get(s, join(root, "x"))),
      text: /^access denied: the file group does not match$/,
    },
    "an overwrite of another's file": {
      limits: { AllowOverwrite: true, OwnerPut: "daemon" },
      prepare: (root: string) => writeFileSync(join(root, "x"), "x"),
      act: (s: RemoteSession, root: string) => put(s, { path: join(root, "x") }, noise(1)),
      text: /the file owner does not match/,
    },
  },
};

for (const [name, { limits: more, prepare, act, text }] of Object.entries(CASES)) {
  test(`limits hold against ${name}`, async () => {
    const { inTemporaryDirectory } = await import("../support/temporary.ts");
    await inTemporaryDirectory(async (base) => {
      const real = realpathSync(base);
      const [root, outside] = [join(real, "root"), join(real, "outside")];
      for (const folder of [root, outside]) mkdirSync(folder);
      writeFileSync(join(outside, "secret"), "secret");
      prepare?.(root, outside);
      await withRemoteAccess(limits({ Chroot: root, ...more }), async ({ open, server }) => {
        const session = open();
        assert.match(await act(session, root, outside) ?? "it was allowed", text);
        assert.deepEqual(readdirSync(outside), ["secret"]);
        assert.deepEqual(readdirSync(root).filter((file) => file.endsWith(".part")), []);
        assert.deepEqual(server.violations(), []);
        session.close();
      });
    });
  });
}

test("limits let through what they allow: links, overwrites, set-id, owner and mask", async () => {
  const { inTemporaryDirectory } = await import("../support/temporary.ts");
  await inTemporaryDirectory(async (base) => {
    const root = realpathSync(base);
    mkdirSync(join(root, "real"));
    symlinkSync("real", join(root, "way"));
    writeFileSync(join(root, "real/old"), "x");
    const allowed = {
      Chroot: root,
      FollowSymLinks: true,
      AllowOverwrite: true,
      AllowSuid: true,
      MaxFileSize: 100,
    };
    await withRemoteAccess(limits(allowed), async ({ open }) => {
      const session = open();
      const goMode = goFileMode("file", 0o4711);
      assert.equal(
        await put(session, { path: join(root, "way/old"), goMode }, noise(100)),
        undefined,
      );
      assert.equal(statSync(join(root, "real/old")).mode & 0o7777, 0o4711);
      assert.equal((await get(session, join(root, "way/old"))).length, 100);
      session.close();
    });
    if (!isRoot) return;
    chmodSync(join(root, "real/old"), 0o600);
    chownSync(join(root, "real/old"), 1, 1);
    const owned = { ...allowed, OwnerPut: "daemon", GroupPut: "daemon", Umask: "027" };
    await withRemoteAccess(limits(owned), async ({ open }) => {
      const session = open();
      assert.equal(await put(session, { path: join(root, "real/old") }, noise(9)), undefined);
      const { mode, uid, gid } = statSync(join(root, "real/old"));
      assert.deepEqual([mode & 0o7777, uid, gid], [0o750, 1, 1]);
      session.close();
    });
  });
});

test("file transfer by the server's own routes: upload, download, and refusals in the device's words", () =>
  withRemoteAccess({}, async ({ server, deviceId, dir }) => {
    const manage = await operator(server);
    const route = `/v1/deviceconnect/devices/${deviceId}`;
    const upload = (path: string, content: Uint8Array): Promise<Response> => {
      const form = new FormData();
      form.append("path", path);
      form.append("file", new Blob([content as Uint8Array<ArrayBuffer>]), "some/file");
      form.append("mode", "600");
      return manage("PUT", `${route}/upload`, form);
    };
    for (const size of [0, 1, 81_920, 500_000]) {
      const path = join(dir, `file ${size}`);
      const uploaded = await upload(path, noise(size));
      await uploaded.body?.cancel();
      assert.equal(uploaded.status, 201);
      assert.deepEqual(new Uint8Array(readFileSync(path)), noise(size));
      const answer = await manage("GET", `${route}/download?path=${encodeURIComponent(path)}`);
      assert.deepEqual(new Uint8Array(await answer.arrayBuffer()), noise(size));
      assert.equal(answer.headers.get("x-men-file-mode"), "600");
    }
    const refused = await upload("/nonexistent/x", noise(1));
    assert.equal(refused.status, 400);
    assert.match((await refused.json()).error, /^failed to create target file/);
    assert.deepEqual(server.violations(), []);
  }));
