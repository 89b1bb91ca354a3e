import assert from "node:assert/strict";
import { isMenderError } from "../../../lib/core/errors.ts";
import { proxyFor } from "../../../lib/runtime/http/proxy_choice.ts";
import {
  proxyFromEnvironment,
  proxySecrets,
  type ProxySettings,
} from "../../../lib/runtime/http/proxy_settings.ts";
import { test } from "../../support/test.ts";

const from = (variables: Record<string, string>): ProxySettings | undefined =>
  proxyFromEnvironment((name) => variables[name]);

const environments: [
  name: string,
  variables: Record<string, string>,
  settings: ProxySettings | undefined,
][] = [
  ["nothing", {}, undefined],
  ["empty variables", { HTTPS_PROXY: "", http_proxy: " " }, undefined],
  ["NO_PROXY alone", { NO_PROXY: "*" }, undefined],
  ["upper case", { HTTPS_PROXY: "http://p:3128" }, { https: "http://p:3128/" }],
  ["lower case", { http_proxy: "http://p:3128" }, { http: "http://p:3128/" }],
  ["both spellings: the upper one counts", { HTTPS_PROXY: "http://a", https_proxy: "http://b" }, {
    https: "http://a/",
  }],
  ["an empty upper one, and a lower one", { HTTPS_PROXY: "", https_proxy: "http://b" }, {
    https: "http://b/",
  }],
  ["an address without a scheme", { https_proxy: "p.example:3128" }, {
    https: "http://p.example:3128/",
  }],
  ["a proxy that speaks TLS", { https_proxy: "https://p.example" }, {
    https: "https://p.example/",
  }],
  ["ALL_PROXY", { all_proxy: "http://p:1" }, { http: "http://p:1/", https: "http://p:1/" }],
  ["ALL_PROXY behind another", { ALL_PROXY: "http://p:1", HTTP_PROXY: "http://q:2" }, {
    http: "http://q:2/",
    https: "http://p:1/",
  }],
  ["NO_PROXY with commas and blanks", { http_proxy: "p:1", no_proxy: " a.b, c ,,d:8080\te " }, {
    http: "http://p:1/",
    none: ["a.b", "c", "d:8080", "e"],
  }],
];
for (const [name, variables, settings] of environments) {
  test(`proxyFromEnvironment() reads ${name}`, () => assert.deepEqual(from(variables), settings));
}

for (
  const text of ["socks5://u:hidden@p:1080", "ftp://u:hidden@p", "http://", "u:hidden%@p", ":"]
) {
  test(`proxyFromEnvironment() refuses "${text}" and does not repeat it`, () => {
    assert.throws(() => from({ https_proxy: text }), (error) => {
      assert.ok(isMenderError(error, "config.bad-proxy"));
      assert.equal(error.retry, "never");
      assert.match(error.message, /https_proxy/);
      assert.doesNotMatch(`${error.message} ${error.hint} ${error.cause}`, /hidden/);
      return true;
    });
  });
}

const both: ProxySettings = { http: "http://h:1/", https: "http://s:2/" };
const rows: [address: string, none: string[], proxy: string | undefined][] = [
  ["https://mender.example/", [], "http://s:2"],
  ["http://mender.example/", [], "http://h:1"],
  ["https://localhost/", [], undefined],
  ["https://localhost.example/", [], "http://s:2"],
  ["http://127.0.0.1:8080/", [], undefined],
  ["http://127.9.9.9/", [], undefined],
  ["http://[::1]/", [], undefined],
  ["http://128.0.0.1/", [], "http://h:1"],
  ["https://mender.example/", ["*"], undefined],
  ["https://mender.example/", ["mender.example"], undefined],
  ["https://mender.example./", ["mender.example"], undefined],
  ["https://mender.example/", ["MENDER.Example"], undefined],
  ["https://mender.example/", ["example"], undefined],
  ["https://mender.example/", [".example"], undefined],
  ["https://mender.example/", ["*.example"], undefined],
  ["https://mender.example/", [".mender.example"], "http://s:2"],
  ["https://mender.example/", ["ender.example"], "http://s:2"],
  ["https://mender.example/", ["mender.example:443"], undefined],
  ["https://mender.example:8443/", ["mender.example:443"], "http://s:2"],
  ["https://mender.example:8443/", ["other", "mender.example:8443"], undefined],
  ["http://mender.example/", ["mender.example:80"], undefined],
  ["http://10.1.2.3/", ["10.1.2.3"], undefined],
  ["http://10.1.2.3:81/", ["10.1.2.3:80"], "http://h:1"],
  ["http://10.1.2.3/", ["10.0.0.0/8"], undefined],
  ["http://11.1.2.3/", ["10.0.0.0/8"], "http://h:1"],
  ["http://10.1.2.3/", ["2.3"], "http://h:1"],
  ["http://[fd00::7]/", ["fd00::/8"], undefined],
  ["http://[fd00::7]/", ["fd00::7"], undefined],
  ["http://[fd00::7]:8080/", ["[fd00::7]:8080"], undefined],
  ["http://[fd00::7]:8081/", ["[fd00::7]:8080"], "http://h:1"],
  ["http://10.1.2.3/", ["10.0.0.0/99", "nonsense/8", ":", ""], "http://h:1"],
];
for (const [address, none, proxy] of rows) {
  test(`proxyFor() gives ${proxy ?? "no proxy"} for ${address} and NO_PROXY "${none}"`, () => {
    assert.equal(proxyFor(address, { ...both, none })?.origin, proxy);
  });
}

test("proxyFor() uses a proxy only for its own scheme, and none without settings", () => {
  assert.equal(proxyFor("http://mender.example/", { https: "http://s:2/" }), undefined);
  assert.equal(proxyFor("https://mender.example/", { http: "http://s:2/" }), undefined);
  assert.equal(proxyFor("https://mender.example/", undefined), undefined);
});

test("proxyFor() gives user and password decoded, and an origin without them", () => {
  const settings = from({ https_proxy: "http://us%20er:p%40ss:w@p.example:3128/path" });
  assert.deepEqual(proxyFor("https://mender.example/", settings), {
    origin: "http://p.example:3128",
    login: { user: "us er", password: "p@ss:w" },
  });
  const onlyUser = from({ https_proxy: "http://user@p.example" });
  assert.deepEqual(proxyFor("https://mender.example/", onlyUser)?.login, {
    user: "user",
    password: "",
  });
});

test("proxySecrets() names passwords as written and decoded", () => {
  const settings = from({ https_proxy: "http://u:p%40ss@p", http_proxy: "http://u@p" });
  assert.deepEqual(proxySecrets(settings), ["p%40ss", "p@ss"]);
  assert.deepEqual(proxySecrets(undefined), []);
});
