# Runs the agent in its terminal session and tells the bottle's init how it ended.
cd "$HOME" 2>/dev/null
cd /workspace 2>/dev/null
# "--continue" is an error where there was no conversation yet; a bottle can be resumed before.
talked=1
for file in "$HOME/.claude/projects/$(pwd | tr -c '[:alnum:]\n' -)"/*.jsonl; do
  # A FIFO that the agent left there would be waited for.
  [ -f "$file" ] && grep -qs '"type":"user"' "$file" && talked=0
done
for arg; do
  shift
  [ "$arg" = --continue ] && [ $talked -ne 0 ] && continue
  set -- "$@" "$arg"
done
"$@"
code=$?
echo $code >/run/claude-bottle/done
exit $code
