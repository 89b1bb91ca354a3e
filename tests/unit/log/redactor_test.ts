import assert from "node:assert/strict";
import { Redactor } from "../../../lib/log/redactor.ts";
import { test } from "../../support/test.ts";

const JWT = "eyJhbGciOiJSUzI1NiJ9.eyJqdGkiOiIxMjM0In0.c2lnbmF0dXJl-_";
const PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAK\n-----END RSA PRIVATE KEY-----";

const rows: [name: string, text: string, expected: string][] = [
  ["a token", `got ${JWT}, fine`, "got ***, fine"],
  ["a token without a signature", "eyJhbGciOiJub25lIn0.eyJqdGkiOiIxMjM0In0.", "***"],
  ["a bearer header", "Bearer abc.def-123 sent", "Bearer *** sent"],
  ["basic credentials", "with basic dXNlcjpwYXNz", "with basic ***"],
  ["a private key", `key:\n${PEM}\nend`, "key:\n***\nend"],
  ["a private key in JSON", JSON.stringify({ key: PEM }), '{"key":"***"}'],
  ["a private key that is cut off", `key: ${PEM.slice(0, 50)}`, "key: ***"],
  ["two private keys", `${PEM} and ${PEM.replaceAll("RSA ", "")}`, "*** and ***"],
  ["an encrypted private key", PEM.replaceAll("RSA", "ENCRYPTED"), "***"],
  ["a password in an address", "https://me:s3cret@host:8080/a", "https://me:***@host:8080/a"],
  ["a password without a user", "https://:s3cret@host/a", "https://:***@host/a"],
  [
    "a signed link",
    "https://s3/a.mender?X-Amz-Date=20300102&X-Amz-Signature=ab12&x=1",
    "https://s3/a.mender?***",
  ],
  ["a link of another store", "https://h/a?sv=1&sig=ab%2F12", "https://h/a?***"],
  [
    "a link with a secret of an unknown name",
    "at https://h:1/a?k=s3cret&x=1 now",
    "at https://h:1/a?*** now",
  ],
  ["a link in quotes", 'to "http://h/a?k=s3cret", failed', 'to "http://h/a?***", failed'],
  ["a path with a signature", "GET /a?X-Amz-Date=1&sig=ab", "GET /a?X-Amz-Date=1&sig=***"],
  [
    "a signed link as Go writes it in JSON",
    '"https://s3/a?X-Amz-Date=1\\u0026X-Amz-Signature=ab12"',
    '"https://s3/a?***"',
  ],
  ["a tenant token", "tenant_token=abc123", "tenant_token=***"],
  ["a tenant token in JSON", '{"TenantToken": "abc","x":1}', '{"TenantToken": "***","x":1}'],
  [
    "a tenant token in a request",
    '{"tenant_token":"abc","id":"1"}',
    '{"tenant_token":"***","id":"1"}',
  ],
  [
    "a tenant token in JSON inside JSON",
    '{"m":"{\\"tenant_token\\":\\"abc\\",\\"id\\":\\"1\\"}"}',
    '{"m":"{\\"tenant_token\\":\\"***\\",\\"id\\":\\"1\\"}"}',
  ],
  [
    "a quoted password with commas and blanks",
    '{"password":"a, b} c","x":1}',
    '{"password":"***","x":1}',
  ],
  ["a quoted password with a quote", '{"password":"a\\"b","x":1}', '{"password":"***","x":1}'],
  ["a password on a command line", "--password: hunter2 --x", "--password: *** --x"],
  ["a signature header", "X-MEN-Signature: c2lnbg==", "X-MEN-Signature: ***"],
];
for (const [name, text, expected] of rows) {
  test(`Redactor masks ${name} and leaves the rest`, () => {
    assert.equal(new Redactor().redact(text), expected);
  });
}

const harmless = [
  "Cannot reach https://hosted.mender.io:443/api/devices/v1/authentication/auth_requests",
  'Deployment of Artifact "release-2" received deployment=5b1d2f3a-0000-4000-8000-00000000000f',
  "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----",
  "mac=02:00:00:00:00:01 user@host 10:30:05 http://[::1]:8080/a@b",
  "TenantToken is not set; the token was refused",
  "a?artifact_name=x&device_type=y",
  "",
];
for (const text of harmless) {
  test(`Redactor leaves ${JSON.stringify(text.slice(0, 40))} as it is`, () => {
    assert.equal(new Redactor().redact(text), text);
  });
}

test("Redactor masks registered secrets wherever they occur", () => {
  const redactor = new Redactor();
  redactor.add("plain-words");
  redactor.add("a+b(c)");
  assert.equal(
    redactor.redact("xplain-wordsx a+b(c) plain-words aab(c)"),
    "x***x *** *** aab(c)",
  );
});

test("Redactor leaves no rest of a secret that holds another one", () => {
  const redactor = new Redactor();
  redactor.add("abcd");
  redactor.add("abcd-efgh");
  assert.equal(redactor.redact("abcd-efgh abcd"), "*** ***");
});

test("Redactor forgets old tokens and links, and nothing else", () => {
  const redactor = new Redactor();
  redactor.add("tenant-secret");
  for (let n = 0; n < 200; n++) redactor.add(`https://host/path-${String(n).padStart(3, "0")}`);
  assert.equal(redactor.redact("https://host/path-000"), "https://host/path-000");
  assert.equal(redactor.redact("https://host/path-199 tenant-secret"), "*** ***");
});

test("Redactor ignores blank secrets and those too short to be any", () => {
  const redactor = new Redactor();
  for (const secret of [undefined, "", "  ", "a", " ab "]) redactor.add(secret);
  assert.equal(redactor.redact("a ab abc"), "a ab abc");
});

// A sub-updater may write anything; text that makes an expression look at it again and again is slow.
for (
  const part of [
    "a.",
    "eyJ",
    "eyJaaaaa.",
    "bearer ",
    "://a",
    "password",
    "-----BEGIN ",
    "token=",
    "https://a",
    "http://a?",
  ]
) {
  test(`Redactor reads a long line of ${JSON.stringify(part)} in reasonable time`, () => {
    const start = performance.now();
    new Redactor().redact(part.repeat(200_000));
    assert.ok(performance.now() - start < 5000);
  });
}
