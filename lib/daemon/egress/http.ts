/**
 * node:http without its `import`: the names of a builtin's ES module are all read at once, and
 * those of node:http that load undici (WebSocket and others) cost 25 ms of each start.
 */
const http = process.getBuiltinModule("node:http");

export const { Agent, createServer, request, ServerResponse } = http;
