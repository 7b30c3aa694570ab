# PID 1's only child in a bottle: root without capabilities, which the agent can neither signal
# nor replace. Arguments: one PORT=SOCKET a service. stdin: the CA's certificate, then "END".
# stdout: "up" when commands may be run, "trusted" when it has the certificate. Ends when the agent's session says how it ended.
set -eu
umask 022
dir=/run/claude-bottle
mkdir -p $dir
for tool in socat dtach tar curl; do
  command -v $tool >/dev/null || { echo "missing $tool"; exit 1; }
done
rm -f $dir/done $dir/ready
mkfifo -m 622 $dir/done
echo up

ca=$(while IFS= read -r line && [ "$line" != END ]; do printf '%s\n' "$line"; done)
[ -n "$ca" ] || exit 1
echo trusted
# Appended here and not by update-ca-certificates, which takes hundreds of milliseconds. The
# image's own bundle is kept beside it: a resumed bottle gets a new CA, and only one.
store=/etc/ssl/certs/ca-certificates.crt
mkdir -p ${store%/*}
[ -e $dir/image-ca.crt ] || cat $store >$dir/image-ca.crt 2>/dev/null || : >$dir/image-ca.crt
{ cat $dir/image-ca.crt; printf '%s\n' "$ca"; } >$store.new
mv $store.new $store
printf '%s\n' "$ca" >$dir/ca.crt

for service in "$@"; do
  # With socat's default buffer of 8 KiB a bottle sees a quarter of the throughput.
  socat -b 131072 "TCP-LISTEN:${service%%=*},bind=127.0.0.1,fork,nodelay,reuseaddr,backlog=128" \
    "UNIX-CONNECT:${service#*=}" &
done
: >$dir/ready

# Opened for both: a writer that comes and goes does not end the wait.
read -r code <>$dir/done || code=1
case $code in '' | *[!0-9]* | ????*) code=1 ;; esac
# The session's last output is still on its way to the terminal.
tries=0
while [ -S "$SESSION_SOCKET" ] && [ $tries -lt 25 ]; do
  sleep 0.02
  tries=$((tries + 1))
done
exit "$code"
