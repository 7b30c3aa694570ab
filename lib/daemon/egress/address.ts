import { BlockList, isIP, isIPv4 } from "node:net";

/**
 * Addresses that are not the public internet (IANA special-purpose registries for IPv4 and
 * IPv6), the ranges that embed an IPv4 address among them: through those a denied IPv4 address
 * would be reachable under another spelling.
 */
const FORBIDDEN: readonly string[] = [
  "0.0.0.0/8", // this network
  "10.0.0.0/8",
  "100.64.0.0/10", // carrier-grade NAT
  "127.0.0.0/8",
  "169.254.0.0/16", // link-local, cloud metadata
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4", // multicast
  "240.0.0.0/4", // reserved, broadcast
  "::/96", // unspecified, loopback, IPv4-compatible
  "::ffff:0:0/96", // IPv4-mapped
  "64:ff9b::/96", // NAT64
  "64:ff9b:1::/48",
  "100::/64",
  "2001::/23", // Teredo, ORCHID and other protocol assignments
  "2001:db8::/32",
  "2002::/16", // 6to4
  "3fff::/20",
  "5f00::/16",
  "fc00::/7", // unique local, fd00:ec2::254 among them
  "fe80::/10",
  "fec0::/10",
  "ff00::/8",
];

// One list a family: in a common one, node would take every IPv4 address for an IPv4-mapped one.
const blocked = { ipv4: new BlockList(), ipv6: new BlockList() };
for (const range of FORBIDDEN) {
  const [net, bits] = range.split("/") as [string, string];
  const family = isIPv4(net) ? "ipv4" : "ipv6";
  blocked[family].addSubnet(net, Number(bits), family);
}

/** Whether an address may be dialled without being named in `extra_hosts`. Unknown means no. */
export function isPublicAddress(address: string): boolean {
  const version = isIP(address);
  if (version === 0 || address.includes("%")) return false;
  const family = version === 6 ? "ipv6" : "ipv4";
  return !blocked[family].check(address, family);
}
