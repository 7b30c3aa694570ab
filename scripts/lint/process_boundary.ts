/** Only `lib/system/process.ts` may start processes: everything else is handed a runner. */
const plugin: Deno.lint.Plugin = {
  name: "process-boundary",
  rules: {
    "no-deno-command": {
      create(context) {
        const path = context.filename.replaceAll("\\", "/");
        if (
          path.endsWith("lib/system/process.ts") ||
          !/\/lib\/|\/main\.ts$/.test(path)
        ) return {};
        return {
          'MemberExpression[object.name="Deno"][property.name="Command"]'(
            node,
          ) {
            context.report({
              node,
              message: "Deno.Command is used outside lib/system/process.ts",
            });
          },
        };
      },
    },
  },
};
export default plugin;
