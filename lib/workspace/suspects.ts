/** Reads at most this much of a file to learn whether it is a credential. */
const HEAD_BYTES = 4096;
/** A git config grows with every branch, and a remote may be its last section. */
const GIT_CONFIG_BYTES = 64 * 1024;

const EXAMPLE_ENV = new Set([".env.example", ".env.sample", ".env.template"]);
const SSH_KEY = /^id_(rsa|dsa|ed25519|ecdsa)(_sk)?$/;
const GIT_CONFIG = /(^|\/)\.git\/(modules\/.+\/)?config(\.worktree)?$/;

/** Files that are credentials when they hold what the pattern finds. */
const TOKEN_FILES: Record<string, RegExp> = {
  ".npmrc": /(_authToken|_auth|_password)\s*=\s*[^\s$]/,
  ".pypirc": /password\s*[:=]\s*\S/,
  ".netrc": /\bpassword\s+\S/,
  ".git-credentials": /:\/\/[^/@\s]+@/,
};

/**
 * Says why a file looks like a credential, or `undefined` when it does not. Never says the value.
 * `head` reads the file's first bytes and is called only when the name makes it worth while.
 */
export function suspicion(
  path: string,
  size: number,
  head: (bytes: number) => string,
): string | undefined {
  if (GIT_CONFIG.test(path)) return gitConfigSuspicion(head(GIT_CONFIG_BYTES));
  const [name = "", parent] = path.split("/").reverse();
  if (name === ".env" || (name.startsWith(".env.") && !EXAMPLE_ENV.has(name))) {
    return "an environment file";
  }
  if (SSH_KEY.test(name)) return "an SSH private key, by its name";
  if (/\.(pem|key)$/i.test(name)) {
    return head(HEAD_BYTES).includes("PRIVATE KEY") ? "a private key" : undefined;
  }
  const token = Object.hasOwn(TOKEN_FILES, name) ? TOKEN_FILES[name] : undefined;
  if (token !== undefined) return token.test(head(HEAD_BYTES)) ? "holds a token" : undefined;
  if (name === "credentials" && parent === ".aws") return "AWS credentials";
  if (name === "credentials.json") return "credentials, by its name";
  if (mayBeServiceAccount(path, name, size)) {
    const text = head(HEAD_BYTES);
    if (/"type"\s*:\s*"service_account"/.test(text) || /"private_key"\s*:\s*"-----/.test(text)) {
      return "a service account's key";
    }
  }
  return undefined;
}

/** Such files have any name but one size, about 2,300 bytes; a tree has many other JSON files. */
function mayBeServiceAccount(path: string, name: string, size: number): boolean {
  return name.endsWith(".json") && size > 200 && size <= HEAD_BYTES &&
    !/(^|\/)node_modules\//.test(path);
}

function gitConfigSuspicion(text: string): string | undefined {
  // A long user name without a password is how a token goes into a URL.
  if (/https?:\/\/([^/@\s:]*:[^/@\s]+|[^/@\s:]{20,})@/.test(text)) {
    return "a URL with a password or token in git's configuration";
  }
  if (/^\s*extraheader\s*=.*(authorization|token|cookie)/im.test(text)) {
    return "an authorization header in git's configuration";
  }
  return undefined;
}
