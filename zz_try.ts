import { createEngine } from "/work/main/lib/engine/engine.ts";
import { runProcess, streamProcess, interactProcess } from "/work/main/lib/system/process.ts";
import { agentImage, sidecarsImage } from "/work/main/lib/image/inputs.ts";
import { ensureImage } from "/work/main/lib/image/build.ts";
import { createProgress } from "/work/main/lib/system/progress.ts";
const engine=createEngine("/usr/local/bin/docker",{run:runProcess,stream:streamProcess,interact:interactProcess});
const s={nodeImage:"claude-bottle-standin-node:24.9.0",extraCa:Deno.readTextFileSync("/etc/ssl/certs/ca-certificates.crt")};
const ctx={engine,progress:createProgress({write:(t)=>Deno.stderr.writeSync(new TextEncoder().encode(t)),tty:false,color:false}),logDir:"/tmp/blogs",signal:new AbortController().signal};
console.log(await ensureImage(sidecarsImage(s),ctx)); console.log(await ensureImage(agentImage(s),ctx));
