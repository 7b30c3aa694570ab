// The POSIX half alone: loading the other takes 35 ms in each process and worker.
// The npm edition of std ships no types: these are the parts that are used here.
// @ts-types="./path.d.ts"
export {
  basename,
  dirname,
  extname,
  isAbsolute,
  join,
  normalize,
  relative,
  resolve,
} from "@std/path/posix";
