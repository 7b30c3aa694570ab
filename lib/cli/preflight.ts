import type { BottlePlan } from "../bottle/plan.ts";
import { counted } from "../system/counted.ts";
import { printable } from "../system/errors.ts";
import type { Survey } from "../workspace/survey.ts";

/** What a bottle will be granted, for a person to read: names, never values. */
export function preflight(plan: BottlePlan, survey: Survey | undefined): string[] {
  const { grants } = plan;
  const none = (items: string[]) => items.length === 0 ? "none" : items.join(", ");
  const lines = [
    `agent    ${plan.agent} in bottle ${plan.bottle} on ${plan.backend.spec.id}`,
    ...(grants.routes.length === 0 ? ["none"] : grants.routes)
      .map((route, index) => `${index === 0 ? "network  " : "         "}${route}`),
    `secrets  ${none(grants.credentials)} (used by the sidecars, not in the bottle)`,
    `env      ${
      none(grants.env.map(({ name, from }) => from === "literal" ? name : `${name} (${from})`))
    }`,
    `skills   ${none(grants.skills)}`,
  ];
  if (survey !== undefined && grants.workspace !== undefined) {
    const { files, bytes } = survey.totals;
    lines.push(`copy     ${grants.workspace}: ${counted(files, "file")}, ${size(bytes)}`);
    for (const { path, reason } of survey.suspects) {
      lines.push(`         looks like a credential: ${path} (${reason})`);
    }
    for (const { path, reason } of survey.skipped) {
      lines.push(`         left out: ${path} (${reason})`);
    }
  }
  // The names of files are the repository's words.
  return lines.map(printable);
}

/** A number of bytes for people. */
export function size(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
