# The bundle's entry. Both at once: one started by the other would be ready 100 ms later. The
# daemon becomes a child of PID 1, which starts the next one when it ends.
. /opt/claude-bottle/egress/run.sh &
exec node --max-semi-space-size=2 /opt/claude-bottle/bundle/main.js
