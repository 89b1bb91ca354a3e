import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename } from "node:path";
import {
  collectInventory,
  type CollectInventoryOptions,
} from "../../../lib/identity/collect_inventory.ts";
import { inventoryPayload } from "../../../lib/identity/inventory_payload.ts";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import { type LogRecorder, logRecorder } from "../../support/log_recorder.ts";
import { writeScript } from "../../support/scripts.ts";
import { inTemporaryDirectory } from "../../support/temporary.ts";
import { test } from "../../support/test.ts";
import { waitUntil } from "../../support/wait.ts";

const { files, processes, self } = await hostDrivers();

async function withScripts(
  scripts: Record<string, string>,
  body: (options: CollectInventoryOptions, logger: LogRecorder) => Promise<void>,
): Promise<void> {
  await inTemporaryDirectory(async (root) => {
    const directory = `${root}/inventory`;
    mkdirSync(directory);
    for (const [name, text] of Object.entries(scripts)) writeScript(`${directory}/${name}`, text);
    const logger = logRecorder();
    await body({
      files,
      processes,
      directory,
      uid: self.uid,
      deviceTypeFile: `${root}/device_type`,
      artifactInfoFile: `${root}/artifact_info`,
      clientVersion: "1.2.3",
      logger,
    }, logger);
  });
}

test("collectInventory() merges scripts in the order of their names, however long they take", async () => {
  await withScripts({
    "10-first": "sleep 0.3; echo ip=1; echo ip=2",
    "20-second": "echo ip=3; echo host=box",
    "30-third": "echo ip=4",
    "40-fourth": "echo noise; echo load = 3",
    "50-fifth": "echo ip=5",
  }, async (options, logger) => {
    const { attributes, skipped } = await collectInventory(options);
    assert.deepEqual([...attributes], [
      ["ip", ["1", "2", "3", "4", "5"]],
      ["host", ["box"]],
      ["load ", [" 3"]],
      ["mender_client_version", ["1.2.3"]],
    ]);
    assert.deepEqual(skipped, []);
    assert.deepEqual(logger.lines(), []);
  });
});

test("collectInventory() leaves out only the scripts that fail, and says why", async () => {
  await withScripts({
    a: "echo a=1; exit 1",
    b: "echo b=1; sleep 60",
    c: "printf 'c=\\377\\n'",
    d: "head -c 300000 /dev/zero",
    e: "echo e=1",
    f: "printf 'f=1\\000\\n'",
  }, async (options, logger) => {
    writeFileSync(`${options.directory}/g`, "#!/no/such/interpreter\n", { mode: 0o755 });
    const { attributes, skipped } = await collectInventory({ ...options, timeoutMs: 1500 });
    assert.deepEqual([...attributes.keys()], ["e", "mender_client_version"]);
    assert.deepEqual(skipped.map(({ script }) => basename(script)), ["a", "b", "c", "d", "f", "g"]);
    const says = [/exit code 1/, /longer than 1\.5 s/, /UTF-8/, /more than|NUL/, /NUL/, /g/];
    for (const [i, { script, reason }] of skipped.entries()) {
      assert.match(reason, says[i]!);
      assert.ok(logger.lines().some((line) => line.includes(script) && line.includes(reason)));
    }
    assert.equal(logger.lines().length, 6);
  });
});

test("collectInventory() runs executable files only, links to them included", async () => {
  await withScripts({ run: "echo run=1" }, async (options) => {
    const { directory } = options;
    writeScript(`${directory}/../outside`, "echo outside=1");
    symlinkSync("../outside", `${directory}/link`);
    symlinkSync("nowhere", `${directory}/dangling`);
    mkdirSync(`${directory}/sub`);
    writeScript(`${directory}/sub/inner`, "echo inner=1");
    writeScript(`${directory}/plain`, "echo plain=1", 0o644);
    const { attributes, skipped } = await collectInventory(options);
    assert.deepEqual([...attributes.keys()], ["outside", "run", "mender_client_version"]);
    assert.deepEqual(skipped, [{ script: `${directory}/plain`, reason: "not executable" }]);
  });
});

test("collectInventory() runs no script that another user could have written, and says which and why", async () => {
  await withScripts({ a: "echo a=1", b: "echo b=1", c: "echo c=1" }, async (options, logger) => {
    const { directory } = options;
    chmodSync(`${directory}/b`, 0o757);
    // To this user, c belongs to somebody else.
    const foreign = {
      ...files,
      stat: (path: string, how?: { follow?: boolean }) => {
        const info = files.stat(path, how);
        return info && path.endsWith("/c") ? { ...info, uid: self.uid + 4711 } : info;
      },
    };
    const { attributes } = await collectInventory({ ...options, files: foreign });
    assert.deepEqual([...attributes.keys()], ["a", "mender_client_version"]);
    assert.deepEqual(logger.lines(), [
      `warning: Inventory without ${directory}/b: unsafe, every user may write to it (mode 757)`,
      `warning: Inventory without ${directory}/c: unsafe, it belongs to another user (${
        self.uid + 4711
      })`,
    ]);
  });
});

test("collectInventory() does without a directory, and tells one it cannot list", async () => {
  await withScripts({}, async (options, logger) => {
    const none = await collectInventory({ ...options, directory: `${options.directory}/none` });
    assert.deepEqual([...none.attributes.keys()], ["mender_client_version"]);
    assert.deepEqual(logger.lines(), []);
    writeFileSync(options.deviceTypeFile, "device_type=box\n");
    const file = await collectInventory({ ...options, directory: options.deviceTypeFile });
    assert.deepEqual([...file.attributes.keys()], ["device_type", "mender_client_version"]);
    assert.equal(file.skipped.length, 1);
    assert.equal(logger.lines().length, 1);
  });
});

test("collectInventory() lets device_type and artifact_info replace what scripts say", async () => {
  await withScripts(
    { a: "echo artifact_name=old; echo device_type=x; echo k=v" },
    async (options) => {
      writeFileSync(options.deviceTypeFile, "device_type=acme-box\n");
      writeFileSync(options.artifactInfoFile, "artifact_name=acme-7\nrootfs-image.version=7\n");
      const { attributes } = await collectInventory(options);
      assert.deepEqual(Object.fromEntries(attributes), {
        artifact_name: ["acme-7"],
        device_type: ["acme-box"],
        k: ["v"],
        "rootfs-image.version": ["7"],
        mender_client_version: ["1.2.3"],
      });
    },
  );
});

test("collectInventory() stops all scripts when it is told to", async () => {
  const body = 'touch "$0.started"; sleep 60';
  await withScripts({ a: body, b: body }, async (options) => {
    const controller = new AbortController();
    const ended = assert.rejects(
      collectInventory({ ...options, signal: controller.signal }),
      /enough/,
    );
    for (const name of ["a", "b"]) {
      await waitUntil(name, () => existsSync(`${options.directory}/${name}.started`));
    }
    controller.abort(new Error("enough"));
    await ended;
  });
});

test("inventoryPayload() writes single values alone, sorted, and nothing the server refuses", () => {
  const payload = inventoryPayload(
    new Map([
      ["b", ["1", "2"]],
      ["a", ["x"]],
      ["empty", [""]],
      ["none", []],
      ["", ["x"]],
      ["n".repeat(1024), ["x"]],
      ["n".repeat(1025), ["x"]],
      ["é".repeat(513), ["x"]],
    ]),
  );
  assert.deepEqual(payload, [
    { name: "a", value: "x" },
    { name: "b", value: ["1", "2"] },
    { name: "empty", value: "" },
    { name: "n".repeat(1024), value: "x" },
  ]);
});

for (const client of ["python_client", "mender_3_4"]) {
  test(`collectInventory() reports everything that ${client} did`, async () => {
    const data = new URL("../../data/", import.meta.url);
    const sent: { name: string; value: string | string[] }[] = JSON.parse(
      readFileSync(new URL(`${client}/inventory_request.json`, data), "utf8"),
    );
    await withScripts({}, async (options) => {
      const script = readFileSync(new URL("peer_scripts/mender-inventory-net", data));
      writeFileSync(`${options.directory}/mender-inventory-net`, script, { mode: 0o755 });
      const info = readFileSync(new URL("peer_scripts/artifact_info", data));
      writeFileSync(options.artifactInfoFile, info);
      const type = readFileSync(new URL(`${client}/data/device_type`, data));
      writeFileSync(options.deviceTypeFile, type);
      const { attributes } = await collectInventory(options);
      for (const { name, value } of sent) {
        if (name === "mender_client_version") continue;
        assert.deepEqual(attributes.get(name), Array.isArray(value) ? value : [value], name);
      }
    });
  });
}
