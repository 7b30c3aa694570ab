import { deepStrictEqual, ok } from "node:assert/strict";
import { gitSchema } from "./git_schema.ts";

const remote = {
  name: "app",
  upstream: "git@host.example:team/app.git",
  identity_file: "~/.ssh/k",
};

function accepts(change: Record<string, unknown>): boolean {
  return gitSchema().safeParse([{ ...remote, ...change }]).success;
}

Deno.test("gitSchema() defaults refs and accepts both spellings of an upstream", () => {
  deepStrictEqual(gitSchema().parse([remote]), [{ ...remote, refs: ["refs/heads/agent/*"] }]);
  for (const upstream of ["ssh://git@host.example:22/a/b.git", "ssh://host/~u/x", "host:app.git"]) {
    ok(accepts({ upstream }), upstream);
  }
});

Deno.test("gitSchema() refuses upstreams that are not SSH or that a tool could misread", () => {
  const bad = [
    "https://host/a.git",
    "git://host/a",
    "file:///etc",
    "/srv/git",
    "ext::sh -c id",
    "ssh://-oProxyCommand=id/x",
    "ssh://git@-oProxyCommand=id/x",
    "-oProxyCommand=id@host:x",
    "git@host:-x",
    "git@host:a/../b",
    "git@host:a b",
    "git@host:a;id",
    "git@host:`id`",
    "git@host:a\nb",
    "ssh://git:pw@host/x",
    "ssh://git@host:0/x",
    "ssh://git@host:70000/x",
    "git@Host:x",
    "git@127.1:x",
    "",
  ];
  for (const upstream of bad) ok(!accepts({ upstream }), upstream);
});

Deno.test("gitSchema() refuses bad names, keys, files and refs", () => {
  for (const name of ["App", "../a", "-a", ""]) ok(!accepts({ name }), name);
  for (const key of ["AAAA", "ssh-dss AAAAAAAAAAAAAAAAAAAAAAAA", "ssh-ed25519 AAAA\nhost x"]) {
    ok(!accepts({ known_host_key: key }), key);
  }
  for (const file of ["", "id_rsa", "../k", "/a\nb"]) ok(!accepts({ identity_file: file }), file);
  ok(accepts({ refs: ["refs/heads/main", "refs/tags/*"] }));
  ok(accepts({ refs: [] }));
  const bad = [
    "*",
    "main",
    "refs",
    "refs/",
    "refs/*",
    "refs/heads/../x",
    "refs/heads/a*",
    "refs/*/x",
    "HEAD",
  ];
  bad.push(
    "+refs/heads/x",
    "refs/heads/x:y",
    "refs/heads/-x",
    "refs/heads/x.lock",
    "refs/heads/x ",
  );
  for (const ref of bad) ok(!accepts({ refs: [ref] }), ref);
  ok(!gitSchema().safeParse([remote, remote]).success, "one name twice");
});
