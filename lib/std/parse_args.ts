// The npm edition of std ships no types: these are the parts that are used here.
// @ts-types="./parse_args.d.ts"
export { parseArgs } from "@std/cli/parse-args";
