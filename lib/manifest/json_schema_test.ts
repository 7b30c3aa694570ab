import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { manifestSchema, SCHEMA_NAMES } from "./json_schema.ts";

interface Node {
  description?: string;
  properties?: Record<string, Node>;
  items?: Node;
  additionalProperties?: Node | boolean;
}

/** Paths of the keys without a description, and of the objects that would let unknown keys pass. */
function gaps(node: Node, path: string): string[] {
  const found = Object.entries(node.properties ?? {}).flatMap(([key, child]) => [
    ...(child.description === undefined ? [`${path}.${key}`] : []),
    ...gaps(child, `${path}.${key}`),
  ]);
  if (node.properties !== undefined && node.additionalProperties !== false) {
    found.push(`${path} open`);
  }
  return [...found, ...(node.items === undefined ? [] : gaps(node.items, `${path}[]`))];
}

Deno.test("manifestSchema() describes every key and is closed everywhere", () => {
  for (const name of SCHEMA_NAMES) {
    const schema = manifestSchema(name);
    deepStrictEqual(gaps(schema as Node, name), []);
    ok(String(schema.title).startsWith("claude-bottle "));
    strictEqual(schema.type, "object");
  }
});

Deno.test("manifestSchema() is the schema of what users write", () => {
  const agent = manifestSchema("agent");
  deepStrictEqual(agent.required, ["bottle"]);
  const bottle = manifestSchema("bottle");
  strictEqual(bottle.required, undefined);
  deepStrictEqual(Object.keys(bottle.properties as object), [
    "extends",
    "env",
    "git",
    "egress",
    "git_user",
    "supervise",
    "runtime",
    "resources",
    "dockerfile",
    "context",
  ]);
});
