import { strictEqual } from "node:assert/strict";
import { bitString, boolean, integer, oid, sequence, tagged, utcTime, utf8String } from "./der.ts";

const hex = (bytes: Buffer) => bytes.toString("hex");

Deno.test("tagged() writes short and long lengths", () => {
  strictEqual(hex(tagged(0x04, Buffer.alloc(0))), "0400");
  strictEqual(hex(tagged(0x04, Buffer.alloc(127)).subarray(0, 2)), "047f");
  strictEqual(hex(tagged(0x04, Buffer.alloc(128)).subarray(0, 3)), "048180");
  strictEqual(hex(tagged(0x04, Buffer.alloc(256)).subarray(0, 4)), "04820100");
  strictEqual(
    hex(tagged(0x04, Buffer.alloc(65536)).subarray(0, 5)),
    "0483010000",
  );
});

Deno.test("integer() is the shortest non-negative one", () => {
  strictEqual(hex(integer(Buffer.of(0))), "020100");
  strictEqual(hex(integer(Buffer.of(0, 0, 5))), "020105");
  strictEqual(hex(integer(Buffer.of(0x80))), "02020080");
  strictEqual(hex(integer(Buffer.of(0, 0x80))), "02020080");
});

Deno.test("oid() packs its parts in septets", () => {
  strictEqual(hex(oid("1.2.840.10045.4.3.2")), "06082a8648ce3d040302");
  strictEqual(hex(oid("2.5.29.17")), "0603551d11");
});

Deno.test("the other types are written as X.690 says", () => {
  strictEqual(hex(boolean(true)), "0101ff");
  strictEqual(hex(bitString(Buffer.of(0x80), 7)), "03020780");
  strictEqual(hex(utf8String("é")), "0c02c3a9");
  strictEqual(hex(sequence(boolean(false), boolean(true))), "30060101000101ff");
  strictEqual(
    utcTime(new Date("2026-11-21T01:02:03.999Z")).subarray(2).toString(),
    "261121010203Z",
  );
});
