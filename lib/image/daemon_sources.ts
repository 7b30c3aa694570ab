/**
 * The programs of the bundle, as text inside this one: a fresh clone, a compiled executable and
 * a run from a URL all carry them. A test compares the list with the folder.
 */
import bottlectl from "../daemon/bottlectl" with { type: "text" };
import authority from "../daemon/bundle/authority.ts" with { type: "text" };
import daemon from "../daemon/bundle/daemon.ts" with { type: "text" };
import der from "../daemon/bundle/der.ts" with { type: "text" };
import bundle from "../daemon/bundle/main.ts" with { type: "text" };
import address from "../daemon/egress/address.ts" with { type: "text" };
import audit from "../daemon/egress/audit.ts" with { type: "text" };
import canonical from "../daemon/egress/canonical.ts" with { type: "text" };
import contexts from "../daemon/egress/contexts.ts" with { type: "text" };
import credentials from "../daemon/egress/credentials.ts" with { type: "text" };
import decide from "../daemon/egress/decide.ts" with { type: "text" };
import denial from "../daemon/egress/denial.ts" with { type: "text" };
import failure from "../daemon/egress/failure.ts" with { type: "text" };
import forward from "../daemon/egress/forward.ts" with { type: "text" };
import headers from "../daemon/egress/headers.ts" with { type: "text" };
import http from "../daemon/egress/http.ts" with { type: "text" };
import egress from "../daemon/egress/main.ts" with { type: "text" };
import mask from "../daemon/egress/mask.ts" with { type: "text" };
import proxy from "../daemon/egress/proxy.ts" with { type: "text" };
import readRequest from "../daemon/egress/read_request.ts" with { type: "text" };
import relay from "../daemon/egress/relay.ts" with { type: "text" };
import resolve from "../daemon/egress/resolve.ts" with { type: "text" };
import run from "../daemon/egress/run.sh" with { type: "text" };
import tunnel from "../daemon/egress/tunnel.ts" with { type: "text" };
import upgrade from "../daemon/egress/upgrade.ts" with { type: "text" };
import upstream from "../daemon/egress/upstream.ts" with { type: "text" };
import entry from "../daemon/entry.sh" with { type: "text" };
import jsonLines from "../daemon/json_lines.ts" with { type: "text" };
import messages from "../daemon/messages.ts" with { type: "text" };
import manifest from "../daemon/package.json" with { type: "text" };
import policy from "../daemon/policy.ts" with { type: "text" };
import strip from "../daemon/strip_types.mjs" with { type: "text" };

/** Path below lib/daemon → content. */
export const DAEMON_SOURCES: Record<string, string> = {
  "bottlectl": bottlectl,
  "bundle/authority.ts": authority,
  "bundle/daemon.ts": daemon,
  "bundle/der.ts": der,
  "bundle/main.ts": bundle,
  "egress/address.ts": address,
  "egress/audit.ts": audit,
  "egress/canonical.ts": canonical,
  "egress/contexts.ts": contexts,
  "egress/credentials.ts": credentials,
  "egress/decide.ts": decide,
  "egress/denial.ts": denial,
  "egress/failure.ts": failure,
  "egress/forward.ts": forward,
  "egress/headers.ts": headers,
  "egress/http.ts": http,
  "egress/main.ts": egress,
  "egress/mask.ts": mask,
  "egress/proxy.ts": proxy,
  "egress/read_request.ts": readRequest,
  "egress/relay.ts": relay,
  "egress/resolve.ts": resolve,
  "egress/run.sh": run,
  "egress/tunnel.ts": tunnel,
  "egress/upgrade.ts": upgrade,
  "egress/upstream.ts": upstream,
  "entry.sh": entry,
  "json_lines.ts": jsonLines,
  "messages.ts": messages,
  "package.json": manifest,
  "policy.ts": policy,
  "strip_types.mjs": strip,
};
