// The npm edition of std ships no types: these are the parts that are used here.
// @ts-types="./levenshtein_distance.d.ts"
export { levenshteinDistance } from "@std/text/levenshtein-distance";
