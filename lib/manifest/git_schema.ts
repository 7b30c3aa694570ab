import { z } from "zod";
import { canonicalHost, extraHosts } from "./host.ts";
import { NAME, NAME_RULE } from "./names.ts";
import { type Canonical, canonicalString, filePath, strict, uniqueList } from "./schema_parts.ts";

// None of these may begin with "-": they end up in argv of ssh and git.
const USER = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;
const UPSTREAM_PATH = /^[A-Za-z0-9_~/.][A-Za-z0-9_~/.+@-]*$/;
const HOST_KEY =
  /^(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com) [A-Za-z0-9+/]{20,}={0,2}(?: [^\p{Cc}]*)?$/u;

/** Schema of `git`: the remotes, each behind the git gate. */
export function gitSchema() {
  return uniqueList(remote(), (entry) => entry.name);
}

function remote() {
  return strict({
    name: z.string().regex(NAME, NAME_RULE).describe("Name of the remote in the bottle"),
    upstream: canonicalString(canonicalUpstream)
      .describe("ssh://user@host:port/path or user@host:path"),
    identity_file: filePath().regex(/^(?:\/|~\/)/, 'must start with "/" or "~/"')
      .describe("SSH private key, used by the gate and never seen by the bottle"),
    known_host_key: z.string().regex(HOST_KEY, 'must be a host key like "ssh-ed25519 AAAA…"')
      .optional().describe("The upstream's host key; without it nothing is forwarded"),
    extra_hosts: extraHosts().optional().describe("Addresses of the upstream's name"),
    refs: uniqueList(canonicalString(canonicalRefPattern), (ref) => ref)
      .prefault(["refs/heads/agent/*"])
      .describe("Refs that may be pushed; * stands for anything below"),
  });
}

/** Decides whether an upstream is an SSH one that no tool can read as an option or a command. */
function canonicalUpstream(text: string): Canonical {
  const refuse = (what: string) => ({ problem: `${JSON.stringify(text)} ${what}` });
  const url = /^ssh:\/\/(?:([^@/:]*)@)?([^@/:]+)(?::(\d{1,5}))?\/(.+)$/.exec(text);
  const scp = /^(?:([^@/:]*)@)?([^@/:]+):(?!\/\/)(.+)$/.exec(text);
  if (url === null && scp === null) {
    return refuse("is neither ssh://user@host/path nor user@host:path");
  }
  const [user, host = "", port, path = ""] = url?.slice(1) ??
    [scp?.[1], scp?.[2] ?? "", undefined, scp?.[3] ?? ""];
  if (user !== undefined && !USER.test(user)) return refuse("has a bad user name");
  const canonical = canonicalHost(host);
  if ("problem" in canonical) return canonical;
  if (canonical.value !== host) return refuse(`must name its host "${canonical.value}"`);
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65535)) {
    return refuse("has a port that is not between 1 and 65535");
  }
  if (!UPSTREAM_PATH.test(path) || path.split("/").some((part) => part === "..")) {
    return refuse("has a bad path");
  }
  return { value: text };
}

/** Decides whether a ref pattern is a ref name (git-check-ref-format) with at most a last `*`. */
function canonicalRefPattern(text: string): Canonical {
  const parts = (text.endsWith("/*") ? text.slice(0, -2) : text).split("/");
  const valid = parts[0] === "refs" && parts.length >= 2 && text.length <= 250 &&
    (parts.length >= 3 || text.endsWith("/*")) &&
    parts.every((part) =>
      /^[A-Za-z0-9_][A-Za-z0-9_.+@=-]*$/.test(part) && !part.includes("..") &&
      !part.includes("@{") && !part.endsWith(".") && !part.endsWith(".lock")
    );
  return valid ? { value: text } : {
    problem: `${JSON.stringify(text)} is not a full ref name like "refs/heads/agent/*"`,
  };
}
