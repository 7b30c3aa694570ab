import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { isIP } from "node:net";
import {
  bitString,
  boolean,
  integer,
  octetString,
  oid,
  sequence,
  set,
  tagged,
  utcTime,
  utf8String,
} from "./der.ts";

const ECDSA_WITH_SHA256 = sequence(oid("1.2.840.10045.4.3.2"));
const COMMON_NAME = "2.5.4.3";
const DAY_MS = 86_400_000;

/** A certificate authority of one session. Its key exists only in this process's memory. */
export interface Authority {
  /** The CA certificate, PEM: what the bottle is told to trust. */
  certificate: string;
  /** The private key of every leaf, PEM: one key for all, since they live and die together. */
  leafKey: string;
  /** Mints a certificate (PEM) for one host name or IP address. */
  leaf(host: string): string;
}

/** Creates an authority (ECDSA P-256), valid from an hour ago, for clocks that differ, to a year. */
export function createAuthority(now: Date = new Date()): Authority {
  const ca = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const leafKeys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const notBefore = new Date(now.getTime() - 3_600_000);
  const notAfter = new Date(now.getTime() + 365 * DAY_MS);
  // Unique per session: clients that cache issuers by name must not mix two bottles' authorities.
  const issuer = name(`claude-bottle ${randomBytes(6).toString("hex")}`);
  const caKeyId = keyId(ca.publicKey);
  const issue = (subject: Buffer, publicKey: KeyObject, extensions: Buffer[]) =>
    pem(
      certificate({
        issuer,
        subject,
        publicKey,
        extensions,
        notBefore,
        notAfter,
      }, ca.privateKey),
    );
  return {
    certificate: issue(issuer, ca.publicKey, [
      extension(
        "2.5.29.19",
        sequence(boolean(true), integer(Buffer.of(0))),
        true,
      ), // CA, no sub-CAs
      extension("2.5.29.15", bitString(Buffer.of(0b0000_0110), 1), true), // keyCertSign, cRLSign
      extension("2.5.29.14", octetString(caKeyId)),
    ]),
    leafKey: leafKeys.privateKey.export({
      type: "pkcs8",
      format: "pem",
    }) as string,
    leaf: (host) =>
      // CN is limited to 64 characters and ignored by clients, which read the alternative name.
      issue(name(host.slice(0, 64)), leafKeys.publicKey, [
        extension("2.5.29.19", sequence(), true),
        extension("2.5.29.15", bitString(Buffer.of(0b1000_0000), 7), true), // digitalSignature
        extension("2.5.29.37", sequence(oid("1.3.6.1.5.5.7.3.1"))), // serverAuth
        extension("2.5.29.17", sequence(alternativeName(host))),
        extension("2.5.29.35", sequence(tagged(0x80, caKeyId))),
      ]),
  };
}

interface Certificate {
  issuer: Buffer;
  subject: Buffer;
  publicKey: KeyObject;
  extensions: Buffer[];
  notBefore: Date;
  notAfter: Date;
}

/** Encodes and signs a certificate (RFC 5280, version 3). */
function certificate(fields: Certificate, key: KeyObject): Buffer {
  const toBeSigned = sequence(
    tagged(0xa0, integer(Buffer.of(2))), // v3
    integer(randomBytes(16)),
    ECDSA_WITH_SHA256,
    fields.issuer,
    sequence(utcTime(fields.notBefore), utcTime(fields.notAfter)),
    fields.subject,
    fields.publicKey.export({ type: "spki", format: "der" }),
    tagged(0xa3, sequence(...fields.extensions)),
  );
  return sequence(
    toBeSigned,
    ECDSA_WITH_SHA256,
    bitString(sign("sha256", toBeSigned, key)),
  );
}

function name(commonName: string): Buffer {
  return sequence(set(sequence(oid(COMMON_NAME), utf8String(commonName))));
}

function extension(id: string, value: Buffer, critical = false): Buffer {
  return sequence(
    oid(id),
    ...(critical ? [boolean(true)] : []),
    octetString(value),
  );
}

function alternativeName(host: string): Buffer {
  switch (isIP(host)) {
    case 4:
      return tagged(0x87, Buffer.from(host.split(".").map(Number)));
    case 6:
      return tagged(0x87, ipv6Bytes(host));
    default:
      return tagged(0x82, Buffer.from(host, "ascii"));
  }
}

/** The 16 bytes of an IPv6 address in its canonical (hexadecimal groups) spelling. */
function ipv6Bytes(address: string): Buffer {
  const [head = "", tail] = address.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array<string>(8 - left.length - right.length).fill("0");
  const bytes = Buffer.alloc(16);
  [...left, ...zeros, ...right].forEach((group, i) =>
    bytes.writeUInt16BE(parseInt(group, 16), i * 2)
  );
  return bytes;
}

function keyId(key: KeyObject): Buffer {
  return createHash("sha1").update(key.export({ type: "spki", format: "der" }))
    .digest();
}

function pem(der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g)!.join("\n");
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}
