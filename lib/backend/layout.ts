/** Where things are in a bottle: the same in every image and on every backend. */

export const AGENT_USER = "1000:1000";
export const AGENT_HOME = "/home/node";
export const WORKSPACE = "/workspace";
/** What we put in the agent's home, apart from the agent's own folders. */
export const BOTTLE_DIR = `${AGENT_HOME}/.claude-bottle`;
/** dtach's socket: exists while the agent's terminal session does. */
export const SESSION_SOCKET = `${BOTTLE_DIR}/session`;
export const TRANSCRIPTS = `${AGENT_HOME}/.claude/projects`;
export const CA_CERTIFICATE = "/run/claude-bottle/ca.crt";
export const PROXY_PORT = 8888;
