import { createSecureContext, type SecureContext } from "node:tls";

/** Contexts kept; each costs about 50 KB, and a bottle chooses how many names it asks for. */
const MOST = 256;

/** Mints a certificate (PEM) for a host. */
export type Mint = (host: string) => Promise<string>;

/** TLS contexts by host, the least recently used dropped first. */
export class SecureContexts {
  readonly #key: string;
  readonly #mint: Mint;
  readonly #known = new Map<string, Promise<SecureContext>>();

  constructor(key: string, mint: Mint) {
    this.#key = key;
    this.#mint = mint;
  }

  get(host: string): Promise<SecureContext> {
    let context = this.#known.get(host);
    if (context === undefined) {
      context = this.#mint(host).then((cert) =>
        createSecureContext({ cert, key: this.#key, minVersion: "TLSv1.2" })
      );
      context.catch(() => this.#known.delete(host));
    } else {
      this.#known.delete(host); // moved to the end
    }
    this.#known.set(host, context);
    if (this.#known.size > MOST) {
      this.#known.delete(this.#known.keys().next().value!);
    }
    return context;
  }
}
