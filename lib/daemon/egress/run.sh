# Runs the egress daemon. Its young generation is small: what streams through dies young.
exec node --max-semi-space-size=4 /opt/claude-bottle/egress/main.js
