import { strictEqual } from "node:assert/strict";
import { isPublicAddress } from "./address.ts";

/** First and last of each forbidden range, and the public neighbours, where there are any. */
const RANGES: { in: [string, string]; out: string[] }[] = [
  { in: ["0.0.0.0", "0.255.255.255"], out: ["1.0.0.0"] },
  { in: ["10.0.0.0", "10.255.255.255"], out: ["9.255.255.255", "11.0.0.0"] },
  {
    in: ["100.64.0.0", "100.127.255.255"],
    out: ["100.63.255.255", "100.128.0.0"],
  },
  {
    in: ["127.0.0.0", "127.255.255.255"],
    out: ["126.255.255.255", "128.0.0.0"],
  },
  {
    in: ["169.254.0.0", "169.254.255.255"],
    out: ["169.253.255.255", "169.255.0.0"],
  },
  {
    in: ["172.16.0.0", "172.31.255.255"],
    out: ["172.15.255.255", "172.32.0.0"],
  },
  { in: ["192.0.0.0", "192.0.0.255"], out: ["191.255.255.255", "192.0.1.0"] },
  { in: ["192.0.2.0", "192.0.2.255"], out: ["192.0.1.255", "192.0.3.0"] },
  {
    in: ["192.88.99.0", "192.88.99.255"],
    out: ["192.88.98.255", "192.88.100.0"],
  },
  {
    in: ["192.168.0.0", "192.168.255.255"],
    out: ["192.167.255.255", "192.169.0.0"],
  },
  {
    in: ["198.18.0.0", "198.19.255.255"],
    out: ["198.17.255.255", "198.20.0.0"],
  },
  {
    in: ["198.51.100.0", "198.51.100.255"],
    out: ["198.51.99.255", "198.51.101.0"],
  },
  {
    in: ["203.0.113.0", "203.0.113.255"],
    out: ["203.0.112.255", "203.0.114.0"],
  },
  { in: ["224.0.0.0", "255.255.255.255"], out: ["223.255.255.255"] },
  { in: ["::", "::ffff:ffff"], out: [] },
  { in: ["::ffff:0:0", "::ffff:ffff:ffff"], out: [] },
  { in: ["64:ff9b::", "64:ff9b::ffff:ffff"], out: ["64:ff9a:ffff::1"] },
  {
    in: ["64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff"],
    out: ["64:ff9b:2::"],
  },
  { in: ["100::", "100::ffff:ffff:ffff:ffff"], out: ["100:0:0:1::"] },
  { in: ["2001::", "2001:1ff:ffff::1"], out: ["2001:200::"] },
  {
    in: ["2001:db8::", "2001:db8:ffff::1"],
    out: ["2001:db7:ffff::1", "2001:db9::"],
  },
  { in: ["2002::", "2002:ffff::1"], out: ["2001:ffff::1", "2003::"] },
  { in: ["3fff::", "3fff:fff::1"], out: ["3ffe::1", "3fff:1000::"] },
  { in: ["5f00::", "5f00:ffff::1"], out: ["5eff::1", "5f01::"] },
  { in: ["fc00::", "fdff:ffff::1"], out: ["fbff::1", "fe00::1"] },
  { in: ["fe80::", "febf:ffff::1"], out: ["fe7f::1"] },
  { in: ["fec0::", "feff:ffff::1"], out: [] },
  { in: ["ff00::", "ffff:ffff::1"], out: [] },
];

Deno.test("isPublicAddress() refuses each special range from its first address to its last", () => {
  for (const { in: ends } of RANGES) {
    for (const address of ends) {
      strictEqual(isPublicAddress(address), false, address);
    }
  }
});

Deno.test("isPublicAddress() takes the public neighbours of each range", () => {
  for (const { out } of RANGES) {
    for (const address of out) {
      strictEqual(isPublicAddress(address), true, address);
    }
  }
  for (
    const address of ["1.1.1.1", "8.8.8.8", "2606:4700::1111", "2a00:1450::1"]
  ) {
    strictEqual(isPublicAddress(address), true, address);
  }
});

Deno.test("isPublicAddress() sees an IPv4 address inside an IPv6 one", () => {
  const addresses = [
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::127.0.0.1",
    "64:ff9b::10.0.0.1",
  ];
  for (
    const address of [...addresses, "2002:7f00:1::", "::1", "fd00:ec2::254"]
  ) {
    strictEqual(isPublicAddress(address), false, address);
  }
});

Deno.test("isPublicAddress() refuses what it does not understand", () => {
  for (
    const text of [
      "",
      "fe80::1%eth0",
      "2606:4700::1%1",
      "1.1.1",
      "0x1.1.1.1",
      "a.example",
    ]
  ) {
    strictEqual(isPublicAddress(text), false, text);
  }
});
