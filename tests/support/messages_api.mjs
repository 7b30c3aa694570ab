// A stand-in for the Anthropic Messages API, good enough for a real Claude Code, and a sink: one
// JSON line per request on stdout says what arrived. It runs on Node ≥ 24 alone, in a container.
//
//   node messages_api.mjs [PORT]          default 443; 0 picks one, named on stderr
//     TLS_CERT_FILE, TLS_KEY_FILE         PEM files, or else
//     TLS_CERT, TLS_KEY                   the PEM texts themselves
//     LOG_BODIES=1                        adds the request's whole body to its line
//
// A line is {time, method, path, host, authorization, x_api_key, model, user_text_tail, bytes}; what
// a request did not have is null. The tail is of what the user typed or a tool gave; bytes are those
// of the body once its compression is undone. Each line is written before the answer begins. The
// credentials are printed because a test judges them: never point a real account here.
//
// What it answers, by the last thing the user said:
//   say exactly: X      X, up to the end of the line
//   run bash: CMD       a Bash call with CMD, then "done: " and 200 characters of what the call gave
//   anything else       "Hello from the stand-in."
//   wants JSON          the smallest value of the schema asked for (session titles are asked so)
//
// It is api.anthropic.com to a client that trusts ca.pem, made with any OpenSSL or LibreSSL:
//
//   printf '%s\n' '[req]' 'distinguished_name = dn' '[dn]' \
//     '[ca]' 'basicConstraints = critical, CA:TRUE, pathlen:0' \
//     'keyUsage = critical, keyCertSign, cRLSign' 'subjectKeyIdentifier = hash' \
//     '[leaf]' 'basicConstraints = critical, CA:FALSE' 'keyUsage = critical, digitalSignature' \
//     'extendedKeyUsage = serverAuth' 'subjectAltName = DNS:api.anthropic.com' \
//     'subjectKeyIdentifier = hash' 'authorityKeyIdentifier = keyid' > test.cnf
//   openssl ecparam -name prime256v1 -genkey -noout -out ca.key
//   openssl req -x509 -new -sha256 -key ca.key -config test.cnf -extensions ca -days 30 \
//     -subj '/CN=claude-bottle test CA' -out ca.pem
//   openssl ecparam -name prime256v1 -genkey -noout -out leaf.key
//   openssl req -new -sha256 -key leaf.key -config test.cnf -subj '/CN=api.anthropic.com' -out leaf.csr
//   openssl x509 -req -sha256 -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 \
//     -extfile test.cnf -extensions leaf -out leaf.pem

import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import process from "node:process";
import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from "node:zlib";

const GREETING = "Hello from the stand-in.";
const TOOL_RESULT_LIMIT = 200;
const TAIL_LIMIT = 300;

const PEM = "-----BEGIN ";

/** Claude Code 2.1.329 sent gzip when it had neither a proxy nor NODE_EXTRA_CA_CERTS. */
const DECODERS = {
  br: brotliDecompressSync,
  deflate: inflateSync,
  gzip: gunzipSync,
  zstd: zstdDecompressSync,
};

/** Reads a PEM from `$NAME_FILE`, or else from `$NAME` itself. */
function pem(name) {
  const file = process.env[`${name}_FILE`];
  const text = file ? readFileSync(file, "utf8") : process.env[name] ?? "";
  if (text.includes(PEM)) return text;
  throw new Error(`Cannot serve TLS: neither ${name}_FILE nor ${name} holds a PEM`);
}

function id(prefix) {
  return prefix + randomBytes(12).toString("hex");
}

function contentBlocks(message) {
  const content = message?.content ?? [];
  return typeof content === "string" ? [{ type: "text", text: content }] : content;
}

/** Returns what the user typed: Claude Code adds its own reminders to the same message. */
function textOf(blocks) {
  return blocks
    .filter((block) => block.type === "text")
    .map((block) => block.text.replace(/<system-reminder>[\s\S]*?<\/system-reminder>/g, ""))
    .join("\n")
    .trim();
}

function lastUserBlocks(request) {
  return contentBlocks(request?.messages?.findLast?.((message) => message.role === "user"));
}

function lastToolResult(blocks) {
  const result = blocks.findLast((block) => block.type === "tool_result");
  return result ? textOf(contentBlocks(result)) : null;
}

/** Returns the smallest value that a JSON Schema of the kind used for structured output allows. */
function instanceOf(schema, name) {
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return instanceOf(choices[0], name);
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  switch (type) {
    case "object": {
      const wanted = Object.entries(schema.properties ?? {})
        .filter(([key]) => schema.required?.includes(key) ?? true);
      return Object.fromEntries(wanted.map(([key, value]) => [key, instanceOf(value, key)]));
    }
    case "array":
      return [];
    case "boolean":
      return false;
    case "integer":
    case "number":
      return 0;
    case "null":
      return null;
    default:
      return `Stand-in ${name}`;
  }
}

/** Decides the one content block of the answer. */
function answer(request) {
  const format = request.output_config?.format ?? request.output_format;
  if (format?.type === "json_schema") {
    return { type: "text", text: JSON.stringify(instanceOf(format.schema, "answer")) };
  }

  const blocks = lastUserBlocks(request);
  const result = lastToolResult(blocks);
  if (result !== null) {
    return { type: "text", text: `done: ${result.slice(0, TOOL_RESULT_LIMIT)}` };
  }

  const asked = textOf(blocks);
  const said = asked.match(/say exactly: *(.+)/);
  if (said) return { type: "text", text: said[1].trim() };
  const command = asked.match(/run bash: *(.+)/);
  if (command && request.tools?.some((tool) => tool.name === "Bash")) {
    const input = { command: command[1].trim(), description: "Run what the user asked for" };
    return { type: "tool_use", id: id("toolu_"), name: "Bash", input };
  }
  return { type: "text", text: GREETING };
}

function messageOf(request, block, inputTokens) {
  return {
    id: id("msg_"),
    type: "message",
    role: "assistant",
    model: request.model,
    content: [block],
    stop_reason: block.type === "tool_use" ? "tool_use" : "end_turn",
    stop_sequence: null,
    usage: {
      input_tokens: inputTokens,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
      output_tokens: tokensIn(JSON.stringify(block).length),
    },
  };
}

function tokensIn(bytes) {
  return Math.ceil(bytes / 4);
}

/** Returns the events that stream `message`: a block starts empty and its content comes as a delta. */
function eventsOf(message) {
  const { content: [block], stop_reason, stop_sequence, usage } = message;
  const [empty, delta] = block.type === "tool_use"
    ? [{ ...block, input: {} }, {
      type: "input_json_delta",
      partial_json: JSON.stringify(block.input),
    }]
    : [{ ...block, text: "" }, { type: "text_delta", text: block.text }];
  const started = { ...message, content: [], stop_reason: null, stop_sequence: null };
  return [
    { type: "message_start", message: { ...started, usage: { ...usage, output_tokens: 1 } } },
    { type: "content_block_start", index: 0, content_block: empty },
    { type: "content_block_delta", index: 0, delta },
    { type: "content_block_stop", index: 0 },
    {
      type: "message_delta",
      delta: { stop_reason, stop_sequence },
      usage: { output_tokens: usage.output_tokens },
    },
    { type: "message_stop" },
  ];
}

function sendJson(response, status, body) {
  response.writeHead(status, { "content-type": "application/json", "request-id": id("req_") });
  response.end(JSON.stringify(body));
}

function sendError(response, status, type, message) {
  sendJson(response, status, { type: "error", error: { type, message } });
}

function sendEvents(response, events) {
  response.writeHead(200, {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    "request-id": id("req_"),
  });
  for (const event of events) {
    response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  }
  response.end();
}

/** Reads a whole body, or as much as came before the client went away. */
async function bodyOf(incoming) {
  const chunks = [];
  try {
    for await (const chunk of incoming) chunks.push(chunk);
  } catch {
    // What arrived until then is still worth a line: this is a sink.
  }
  return Buffer.concat(chunks);
}

/** Undoes the body's compression; a body that is not what it says it is stays as it came. */
function decode(body, encoding) {
  try {
    return DECODERS[encoding]?.(body) ?? body;
  } catch {
    return body;
  }
}

function parse(body) {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return null;
  }
}

function log(incoming, body, request) {
  const blocks = lastUserBlocks(request);
  const text = lastToolResult(blocks) ?? textOf(blocks);
  const { authorization, host, "x-api-key": apiKey } = incoming.headers;
  console.log(JSON.stringify({
    time: new Date().toISOString(),
    method: incoming.method,
    path: incoming.url,
    host: host ?? null,
    authorization: authorization ?? null,
    x_api_key: apiKey ?? null,
    model: request?.model ?? null,
    user_text_tail: request?.messages ? text.slice(-TAIL_LIMIT) : null,
    bytes: body.length,
    ...(process.env.LOG_BODIES === "1" ? { body: request ?? body.toString("utf8") } : {}),
  }));
}

async function serve(incoming, response) {
  const body = decode(await bodyOf(incoming), incoming.headers["content-encoding"]);
  const request = parse(body);
  log(incoming, body, request);

  const { pathname } = new URL(incoming.url, "https://api.anthropic.com");
  if (incoming.method !== "POST" || !pathname.startsWith("/v1/messages")) {
    return sendError(response, 404, "not_found_error", "The stand-in has only /v1/messages");
  }
  if (!Array.isArray(request?.messages)) {
    return sendError(response, 400, "invalid_request_error", "messages: Field required");
  }
  const inputTokens = tokensIn(body.length);
  if (pathname === "/v1/messages/count_tokens") {
    return sendJson(response, 200, { input_tokens: inputTokens });
  }
  const message = messageOf(request, answer(request), inputTokens);
  if (request.stream) sendEvents(response, eventsOf(message));
  else sendJson(response, 200, message);
}

const server = createServer(
  { cert: pem("TLS_CERT"), key: pem("TLS_KEY") },
  (incoming, response) => {
    serve(incoming, response).catch((error) => {
      console.error(error);
      response.destroy();
    });
  },
);
server.on("tlsClientError", (error) => console.error(`TLS handshake failed: ${error.message}`));
server.listen(Number(process.argv[2] ?? 443), () => {
  console.error(`listening on port ${server.address().port}`);
});
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(0));
