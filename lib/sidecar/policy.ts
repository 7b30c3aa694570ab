import type { Policy, Route } from "../daemon/policy.ts";
import type { ResolvedBottle } from "../manifest/extends.ts";

/** What the bundle enforces for a bottle. Secrets are named here and travel apart. */
export function bundlePolicy({ egress }: Pick<ResolvedBottle, "egress">): Policy {
  return {
    routes: egress.routes.map((route): Route => ({
      host: route.host,
      port: route.port,
      methods: route.methods ?? [],
      paths: route.paths ?? [],
      ...(route.auth !== undefined && {
        auth: {
          scheme: route.auth.scheme,
          secret: route.auth.token_ref,
          ...(route.auth.header !== undefined && { header: route.auth.header.toLowerCase() }),
        },
      }),
    })),
    extraHosts: { ...egress.extra_hosts },
  };
}
