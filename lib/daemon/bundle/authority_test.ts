import { runProcess } from "../../system/process.ts";
import { match, strictEqual } from "node:assert/strict";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { createAuthority } from "./authority.ts";

const HOSTS = [
  "api.example.com",
  "a_b.example",
  `${"a".repeat(60)}.${"b".repeat(60)}.example`,
];
const ADDRESSES = ["93.184.216.34", "2606:2800:220:1::1", "::1", "1::", "::"];

Deno.test("createAuthority() makes a CA whose leaves verify, for names and addresses", () => {
  const authority = createAuthority();
  const ca = new X509Certificate(authority.certificate);
  strictEqual(ca.ca, true);
  strictEqual(ca.verify(ca.publicKey), true);
  for (const host of [...HOSTS, ...ADDRESSES]) {
    const leaf = new X509Certificate(authority.leaf(host));
    strictEqual(leaf.ca, false, host);
    strictEqual(leaf.verify(ca.publicKey), true, host);
    strictEqual(leaf.checkIssued(ca), true, host);
    strictEqual(
      leaf.checkPrivateKey(createPrivateKey(authority.leafKey)),
      true,
      host,
    );
    const address = ADDRESSES.includes(host);
    strictEqual(
      (address ? leaf.checkIP(host) : leaf.checkHost(host)) !== undefined,
      true,
      host,
    );
    strictEqual(leaf.checkHost("other.example"), undefined);
    strictEqual(leaf.checkIP("93.184.216.35"), undefined);
  }
});

Deno.test("createAuthority() names every authority anew, and serves clocks that differ", () => {
  const now = new Date("2026-11-21T12:00:00Z");
  const [one, two] = [createAuthority(now), createAuthority(now)];
  const [first, second] = [one, two].map((made) => new X509Certificate(made.certificate));
  strictEqual(first!.subject === second!.subject, false);
  strictEqual(
    new X509Certificate(one.leaf("a.example")).verify(second!.publicKey),
    false,
  );
  strictEqual(Date.parse(first!.validFrom), now.getTime() - 3_600_000);
  strictEqual(Date.parse(first!.validTo), now.getTime() + 365 * 86_400_000);
});

Deno.test("createAuthority() satisfies openssl, purpose and key usage included", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const authority = createAuthority();
    await Deno.writeTextFile(`${dir}/ca.pem`, authority.certificate);
    for (const [i, host] of [...HOSTS, ...ADDRESSES].entries()) {
      await Deno.writeTextFile(`${dir}/leaf.pem`, authority.leaf(host));
      const name = i < HOSTS.length ? "-verify_hostname" : "-verify_ip";
      const verified = await openssl([
        "verify",
        "-x509_strict",
        "-purpose",
        "sslserver",
        "-CAfile",
        `${dir}/ca.pem`,
        name,
        host,
        `${dir}/leaf.pem`,
      ]);
      if (verified === undefined) return; // no openssl here
      match(verified, /leaf\.pem: OK/, host);
    }
    const text = (await openssl(["x509", "-in", `${dir}/leaf.pem`, "-noout", "-text"]))!;
    match(text, /Key Usage: critical\s+Digital Signature\n/);
    match(text, /Extended Key Usage:\s*\n\s+TLS Web Server Authentication\n/);
    match(text, /Basic Constraints: critical\s+CA:FALSE/);
    const root = (await openssl(["x509", "-in", `${dir}/ca.pem`, "-noout", "-text"]))!;
    match(root, /CA:TRUE, pathlen:0/);
    match(root, /Key Usage: critical\s+Certificate Sign, CRL Sign\n/);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

async function openssl(args: string[]): Promise<string | undefined> {
  const result = await runProcess("openssl", args).catch(() => undefined);
  return result === undefined ? undefined : result.stdout + result.stderr;
}
