/**
 * Run while the image is built: turns the TypeScript sources in this folder into JavaScript, so
 * that a start of the bundle pays neither for node's type stripper (a WebAssembly module,
 * loaded at each start) nor for a bundler here.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";

const folder = import.meta.dirname;
for (const name of readdirSync(folder, { recursive: true })) {
  if (!name.endsWith(".ts")) continue;
  const path = `${folder}/${name}`;
  const code = stripTypeScriptTypes(readFileSync(path, "utf8"))
    .replaceAll(/(from\s+"\.[^"]*|new URL\("\.[^"]*)\.ts"/g, '$1.js"');
  writeFileSync(path.replace(/\.ts$/, ".js"), code);
  rmSync(path);
}
