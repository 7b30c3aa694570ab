// The npm edition of std ships no types: these are the parts that are used here.
// @ts-types="./yaml.d.ts"
export { parse } from "@std/yaml/parse";
