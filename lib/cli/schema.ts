import { manifestSchema, SCHEMA_NAMES } from "../manifest/json_schema.ts";
import { nearest } from "../manifest/names.ts";
import { UserError } from "../system/errors.ts";
import type { CommandModule } from "./command.ts";

export const schema: CommandModule = {
  run(input) {
    const wanted = input.positionals[0]!;
    const name = SCHEMA_NAMES.find((known) => known === wanted);
    if (name === undefined) {
      const near = nearest(wanted, [...SCHEMA_NAMES]);
      throw new UserError("usage", `Unknown schema "${wanted}"`, {
        hints: [
          near === undefined ? `known: ${SCHEMA_NAMES.join(", ")}` : `did you mean "${near}"`,
        ],
      });
    }
    console.log(JSON.stringify(manifestSchema(name), null, 2));
    return Promise.resolve(0);
  },
};
