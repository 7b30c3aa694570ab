# Runs the agent in its terminal session and tells the bottle's init how it ended.
cd "$HOME" 2>/dev/null
cd /workspace 2>/dev/null
"$@"
code=$?
echo $code >/run/claude-bottle/done
exit $code
