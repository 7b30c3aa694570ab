import { LABELS } from "../../engine/engine.ts";
import INIT from "../init.sh" with { type: "text" };
import { SESSION_SOCKET } from "../layout.ts";
import type { BackendPlan, BottleSpec } from "../backend.ts";

/** The names of what the docker backend makes for a bottle. */
export function dockerNames(id: string) {
  return { container: `claude-bottle-${id}`, proxyVolume: `claude-bottle-${id}-proxy` };
}

/** Decides a bottle's container. Pure. */
export function planDocker(
  spec: BottleSpec,
  { seccompPath }: { seccompPath: string },
): BackendPlan {
  const { container, proxyVolume } = dockerNames(spec.id);
  const { resources } = spec;
  const mounts = spec.services.map(({ socket }) => ({
    volume: proxyVolume,
    target: socket.slice(0, socket.lastIndexOf("/")),
  }));
  const args = [
    "run",
    "--interactive", // the CA comes on stdin: one process less than a `docker cp`
    "--pull=never", // exactly the image that was decided on
    `--name=${container}`,
    "--hostname=bottle",
    `--label=${LABELS.id}=${spec.id}`,
    `--label=${LABELS.owner}=${spec.owner}`,
    `--label=${LABELS.role}=agent`,
    `--label=${LABELS.agent}=${spec.agent}`,
    `--label=${LABELS.backend}=docker`,
    "--network=none", // the bottle's only ways out are the sockets below
    "--init", // reaps what the agent leaves behind
    "--user=0:0", // the forwarders: root without capabilities, out of the agent's reach
    "--workdir=/",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    `--security-opt=seccomp=${seccompPath}`,
    ...(spec.runtime === undefined ? [] : [`--runtime=${spec.runtime}`]),
    ...(resources.cpus === undefined ? [] : [`--cpus=${resources.cpus}`]),
    `--memory=${resources.memory}`,
    `--memory-swap=${resources.memory}`, // no swap on top
    `--pids-limit=${resources.pids}`,
    "--ulimit=core=0",
    "--log-driver=local", // what init prints: a few lines
    "--log-opt=max-size=1m",
    "--log-opt=max-file=1",
    "--log-opt=compress=false",
    ...mounts.map(({ volume, target }) => `--mount=${socketMount(volume, target, spec)},readonly`),
    `--env=SESSION_SOCKET=${SESSION_SOCKET}`,
    "--entrypoint=/bin/sh",
    spec.image,
    "-c",
    INIT,
    "init",
    ...spec.services.map(({ port, socket }) => `${port}=${socket}`),
  ];
  return {
    spec,
    names: { container, proxyVolume },
    bundleMounts: mounts.map(({ volume, target }) => socketMount(volume, target, spec)),
    commands: [["docker", ...args]],
  };
}

/**
 * A volume for one service's socket: in memory, small, and owned by the sidecars' user from its
 * first moment, whichever of the two containers makes it. Both say the same, so it is one.
 */
function socketMount(volume: string, target: string, { id, owner }: BottleSpec): string {
  return [
    "type=volume",
    `source=${volume}`,
    `target=${target}`,
    "volume-nocopy", // nothing of an image's folder gets into it
    "volume-driver=local",
    "volume-opt=type=tmpfs",
    "volume-opt=device=tmpfs",
    '"volume-opt=o=uid=10001,gid=10001,mode=0755,size=64k,nosuid,nodev,noexec"',
    `volume-label=${LABELS.id}=${id}`,
    `volume-label=${LABELS.owner}=${owner}`,
  ].join(",");
}
