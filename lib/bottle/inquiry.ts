import { askVersion, type Engine } from "../engine/engine.ts";
import { findImages } from "../image/find.ts";
import { findNetwork } from "../sidecar/network.ts";

/** What the engine is and has, asked before it is known what is needed: that may still be read. */
export interface Inquiry {
  /** For `readVersion`. */
  version: Promise<string>;
  images: Promise<Map<string, string>>;
  network: Promise<string | undefined>;
}

/** Asks the engine. A failure is thrown where the answer is used. */
export function inquire(engine: Engine, signal: AbortSignal): Inquiry {
  const inquiry = {
    version: askVersion(engine, signal),
    images: findImages(engine, signal),
    network: findNetwork(engine, signal),
  };
  for (const answer of Object.values(inquiry)) answer.catch(() => {});
  return inquiry;
}
