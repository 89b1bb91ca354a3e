import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import {
  type ClientEvent,
  type Installation,
  isMenderError,
  type LogFields,
  MenderClient,
} from "../../mod.ts";
import { askControl } from "../../lib/daemon/control/ask_control.ts";
import { hostDrivers } from "../../lib/runtime/host.ts";
import { type ClientRig, rigArtifact, withRig } from "../support/client_rig.ts";
import {
  eventsUntil,
  giveKey,
  publish,
  using,
  withLibraryDevice,
} from "../support/library_client.ts";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";

const isAcknowledged = (event: ClientEvent): boolean =>
  event.type === "phase" && event.phase === "acknowledged";

test("MenderClient hands the verified Artifact to its callback, and delivers success", () =>
  withLibraryDevice(async ({ server, rig }) => {
    let given: Installation | undefined;
    let bytes = 0;
    let announced: string | undefined;
    const publishing = publish(server);
    const client = await MenderClient.start({
      root: rig.root,
      onDeployment: async (installation) => {
        given = installation;
        assert.deepEqual(
          readFileSync(installation.artifactPath),
          Buffer.from(rigArtifact("release-2")),
        );
        for await (const chunk of installation.read()) bytes += chunk.length;
        announced = await installation.announce("rebooting");
        rig.write(rig.paths.artifactInfo, "artifact_name=release-2\n");
        return "all is well";
      },
    });
    const reader = client.events();
    const events = await eventsUntil(reader, isAcknowledged);
    const after = await eventsUntil(
      reader,
      (event) => event.type === "polled" && event.result === "nothing",
    );
    assert.ok(after.some(({ type }) => type === "inventory-sent"));
    const id = await publishing;
    assert.deepEqual([given?.deploymentId, given?.artifactName], [id, "release-2"]);
    assert.equal(given?.provides["artifact_name"], "release-2");
    assert.deepEqual([given?.hasRebooted, announced], [false, "accepted"]);
    assert.equal(bytes, rigArtifact("release-2").length);
    assert.deepEqual(
      events.flatMap((event) => event.type === "phase" ? [event.phase] : []),
      ["received", "downloading", "downloaded", "verified", "handing_over", "handed_over"]
        .concat(["outcome_recorded", "acknowledged"]),
    );
    assert.deepEqual(events.find(({ type }) => type === "outcome"), {
      type: "outcome",
      deploymentId: id,
      status: "success",
      message: "all is well",
    });
    assert.equal(client.status().isAuthorized, true);
    await client.close();
    await client.close(); // once more does nothing
    assert.deepEqual(
      server.deployment(id).devices[0]?.history.map(({ status }) => status),
      ["downloading", "installing", "rebooting", "success"],
    );
    assert.deepEqual(
      [rig.paths.lock, rig.paths.controlSocket, rig.paths.artifactFile].filter(existsSync),
      [],
    );
    assert.deepEqual(rig.installed(), []); // the sub-updater is not run
    assert.deepEqual(server.violations(), []);
  }));

test("MenderClient reports what its callback throws as a failure, with the log", () =>
  withLibraryDevice(async ({ server, rig }) => {
    const publishing = publish(server);
    await using(
      MenderClient.start({
        root: rig.root,
        onDeployment: () => {
          throw new Error("The flash is worn out");
        },
      }),
      (client) => eventsUntil(client.events(), isAcknowledged),
    );
    const id = await publishing;
    const device = server.deployment(id).devices[0]!;
    assert.equal(device.status, "failure");
    assert.match(
      JSON.stringify(server.deploymentLog(id, device.deviceId)),
      /The flash is worn out/,
    );
  }));

test("MenderClient that is closed in the middle aborts the installation, and resumes it", () =>
  withLibraryDevice(async ({ server, rig }) => {
    const publishing = publish(server);
    const calls: string[] = [];
    const options = {
      root: rig.root,
      onDeployment: ({ signal }: Installation) => {
        calls.push("install");
        return new Promise<void>((_, reject) =>
          signal.addEventListener("abort", () => reject(new Error("stopped")))
        );
      },
      onResume: ({ deploymentId, artifactName, hasRebooted, provides }: Installation) => {
        calls.push(`resume ${deploymentId} ${artifactName} ${hasRebooted}`);
        assert.equal(provides["artifact_name"], "release-2");
      },
    };
    await using(
      MenderClient.start(options),
      () => waitUntil("the installation", () => calls.length > 0),
    );
    assert.equal(rig.record().phase, "handed_over");
    assert.ok(existsSync(rig.paths.lock));
    await using(
      MenderClient.start(options),
      (client) => eventsUntil(client.events(), isAcknowledged),
    );
    const id = await publishing;
    assert.deepEqual(calls, ["install", `resume ${id} release-2 false`]);
    assert.equal(server.deployment(id).devices[0]?.status, "success");
  }));

test("MenderClient without onResume takes an interrupted installation for failed, and goes on", () =>
  withLibraryDevice(async ({ server, rig }) => {
    const publishing = publish(server);
    let calls = 0;
    const onDeployment = ({ signal }: Installation): Promise<void> => {
      calls++;
      return new Promise((_, reject) =>
        signal.addEventListener("abort", () => reject(signal.reason))
      );
    };
    const options = { root: rig.root, onDeployment };
    await using(MenderClient.start(options), () => waitUntil("the installation", () => calls));
    const events = await using(MenderClient.start(options), async (client) => {
      const events = client.events();
      return [
        ...await eventsUntil(events, isAcknowledged),
        ...await eventsUntil(events, ({ type }) => type === "polled"),
      ];
    });
    const id = await publishing;
    assert.equal(calls, 1);
    const outcome = events.find(({ type }) => type === "outcome");
    assert.deepEqual(outcome, {
      type: "outcome",
      deploymentId: id,
      status: "failure",
      message: "The application ended while it installed the Artifact",
      isAssumed: true,
    });
    assert.equal(server.deployment(id).devices[0]?.status, "failure");
  }));

test("MenderClient without a callback hands over to the sub-updater, and report comes over its socket", () =>
  withLibraryDevice(async ({ server, rig }) => {
    const publishing = publish(server);
    await using(MenderClient.start({ root: rig.root }), async (client) => {
      const events = client.events();
      await waitUntil("the sub-updater", () => rig.installed().length, 30_000);
      const { code, stderr } = await rig.run("report", "--success");
      assert.equal(code, 0, stderr);
      await eventsUntil(events, isAcknowledged);
      assert.deepEqual(rig.installed(), [rig.paths.artifactFile]);
    });
    const id = await publishing;
    assert.equal(server.deployment(id).devices[0]?.status, "success");
  }));

test("MenderClient holds the callback as long as an Update Control Map says so", () =>
  withLibraryDevice(async ({ server, rig }) => {
    const drivers = await hostDrivers();
    const setMap = async (states: Record<string, { action: string }>): Promise<void> => {
      const map = JSON.stringify({
        id: "5b1c8a52-6f0e-4d0b-9d2c-3a4f1f0e7b21",
        priority: 0,
        states,
      });
      const request = { v: 1, do: "set-map", map } as const;
      const answer = await askControl(drivers, rig.paths.controlSocket, request, 10_000);
      assert.ok(answer.ok, JSON.stringify(answer));
    };
    let calls = 0;
    const onDeployment = (): void => void calls++;
    await using(MenderClient.start({ root: rig.root, onDeployment }), async (client) => {
      const events = client.events();
      await waitUntil("the start", () => client.status().isAuthorized);
      await setMap({ ArtifactInstall_Enter: { action: "pause" } });
      const id = await publish(server);
      await waitUntil(
        "the hold",
        () => server.deployment(id).devices[0]?.status === "pause_before_installing",
        30_000,
      );
      assert.equal(calls, 0);
      await setMap({});
      await eventsUntil(events, isAcknowledged);
      assert.equal(calls, 1);
    });
  }));

test("two MenderClients in one process serve two devices, each with its own directory", () =>
  withLibraryDevice(({ server, rig }) =>
    withRig({ serverUrl: server.url, identity: "echo mac=02:11:22:33:44:66" }, async (other) => {
      giveKey(other);
      const publishing = publish(server, 2);
      const installed = new Set<ClientRig>();
      await Promise.all([rig, other].map((each) =>
        using(
          MenderClient.start({ root: each.root, onDeployment: () => void installed.add(each) }),
          (client) => eventsUntil(client.events(), isAcknowledged),
        )
      ));
      const id = await publishing;
      assert.equal(installed.size, 2);
      assert.deepEqual(server.deployment(id).devices.map(({ status }) => status), [
        "success",
        "success",
      ]);
    })
  ));

test("MenderClient shares the guard of the data directory with the daemon, and with itself", () =>
  withLibraryDevice(async ({ rig }) => {
    const isHeld = (error: unknown): boolean => isMenderError(error, "daemon.already-running");
    await using(MenderClient.start({ root: rig.root }), async () => {
      await assert.rejects(MenderClient.start({ root: rig.root }), isHeld);
      const { code, stderr } = await rig.run("daemon", "--once");
      assert.equal(code, 1);
      assert.match(stderr, /another daemon holds/);
      assert.match((await rig.run("status")).stdout, /^daemon: runs/);
    });
    // Whoever comes then finds it free.
    await using(MenderClient.start({ root: rig.root }), () => Promise.resolve());
  }));

test("MenderClient is closed by what `await using` calls", () =>
  withLibraryDevice(async ({ rig }) => {
    const client = await MenderClient.start({ root: rig.root });
    const events = client.events();
    await client[Symbol.asyncDispose]();
    for await (const _ of events); // they have ended
    await using(MenderClient.start({ root: rig.root }), () => Promise.resolve()); // it is free
  }));

test("MenderClient takes settings and identity from the program, and throws typed errors", () =>
  withLibraryDevice(async ({ server, rig }) => {
    rig.write(rig.paths.mainConfig, "{}");
    await assert.rejects(
      MenderClient.start({ root: rig.root }),
      (error) => isMenderError(error, "config.missing-server") && error.name === "ConfigError",
    );
    await assert.rejects(
      MenderClient.start({ root: rig.root, configFile: `${rig.root}/none.conf` }),
      (error) => isMenderError(error, "config.missing-file"),
    );
    await assert.rejects(
      MenderClient.start({ root: rig.root, settings: { ServerURL: 7 } }),
      (error) =>
        isMenderError(error, "config.wrong-type") && /settings of the program/.test(error.message),
    );
    const settings = { ServerURL: server.url, UpdatePollIntervalSeconds: 1 };
    await using(
      MenderClient.start({ root: rig.root, settings, identity: { serial: "42" } }),
      (client) => eventsUntil(client.events(), ({ type }) => type === "polled"),
    );
    assert.deepEqual(server.devices()[0]?.identity, { serial: "42" });
  }));

test("MenderClient logs to the logger that it is given, without secrets", () =>
  withLibraryDevice(async ({ rig }) => {
    const lines: string[] = [];
    const logger = {
      log: (level: string, message: string, fields?: LogFields, error?: unknown) =>
        void lines.push([level, message, JSON.stringify(fields), String(error)].join(" ")),
    };
    await using(
      MenderClient.start({ root: rig.root, logger, settings: { TenantToken: "very-secret" } }),
      (client) => eventsUntil(client.events(), ({ type }) => type === "polled"),
    );
    assert.match(lines.join("\n"), /^info Authorised by the server/m);
    assert.doesNotMatch(lines.join("\n"), /very-secret|eyJ/);
  }));
