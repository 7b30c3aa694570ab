# Run in the bottle as the agent's user, before the agent: unpacks what stdin brings and prints
# facts, "name<TAB>value". It judges nothing: the host does. Arguments: the proxy's port, an
# address and a name that must not be reachable, a host that is not granted.
set -u
proxy_port=$1 address=$2 name=$3 denied=$4
# All in there is ours and comes anew: what is left of a killed session, which dtach would take
# for one that runs, and what an agent put in the way.
if [ -n "${SESSION_SOCKET:-}" ]; then
  chmod -R u+rwx "${SESSION_SOCKET%/*}" 2>/dev/null
  rm -rf "${SESSION_SOCKET%/*}"
fi
tar -x -f - -C / --no-same-owner --delay-directory-restore || exit 74

fact() { printf '%s\t%s\n' "$1" "$2"; }

for path in /sys/class/net/*; do
  interface=${path##*/}
  [ "$interface" = lo ] && continue
  # Bit 0 of the flags: up. Docker Desktop shows idle tunnel devices.
  flags=$(cat "$path/flags" 2>/dev/null || echo 0x1)
  [ $((flags & 1)) -eq 0 ] || fact interface "$interface"
done
fact addresses "$(tail -n +1 /proc/net/if_inet6 2>/dev/null | grep -cv ' lo$')"
fact routes "$(tail -n +2 /proc/net/route | grep -c .)"
fact routes6 "$(grep -cv ' lo$' /proc/net/ipv6_route 2>/dev/null)"

vsock=$(timeout 3 socat -u VSOCK-CONNECT:2:1 STDOUT 2>&1 </dev/null)
fact vsock "$(printf %s "$vsock" | tail -n 1 | tr -d '\r\t' | cut -c 1-200)"

getent ahosts "$name" >/dev/null 2>&1
fact resolve $?
curl -q -s -o /dev/null --noproxy '*' --max-time 2 "http://$address/"
fact direct $?

tries=0
while [ ! -e /run/claude-bottle/ready ] && [ $tries -lt 500 ]; do
  sleep 0.02
  tries=$((tries + 1))
done
# The store that every program uses must end with the session's authority. The request below
# trusts that one alone: reading the whole store takes curl 130 ms.
ca=$(cat /run/claude-bottle/ca.crt 2>/dev/null)
lines=$(printf '%s\n' "$ca" | grep -c .)
[ -n "$ca" ] && [ "$(tail -n "$lines" /etc/ssl/certs/ca-certificates.crt)" = "$ca" ]
fact trust $?
tries=0
while :; do
  answer=$(curl -q -s --max-time 10 --proxy "http://127.0.0.1:$proxy_port" \
    --cacert /run/claude-bottle/ca.crt -w '\n%{http_code}' "https://$denied/" 2>&1)
  code=$?
  # 7: the forwarder does not listen yet; 52, 56: the bundle does not; or it has no policy yet.
  case "$code $answer" in 7\ * | 52\ * | 56\ * | *'"reason":"not_ready"'*) ;; *) break ;; esac
  tries=$((tries + 1))
  [ $tries -lt 100 ] || break
  sleep 0.02
done
fact proxy "$code $(printf %s "$answer" | tr '\n\t' '  ')"
fact done 1
