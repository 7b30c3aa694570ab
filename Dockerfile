# The agent's image: Claude Code and the tools it works with, as an unprivileged user.
# A stand-in with node, npm, apt and a user "node" (1000) may take the base's place.
ARG NODE_IMAGE=node:24-bookworm-slim@sha256:6f7b03f7c2c8e2e784dcf9295400527b9b1270fd37b7e9a7285cf83b6951452d
FROM ${NODE_IMAGE}

# For networks that intercept TLS (extra_ca_file); empty otherwise. It stays, so that builds on
# top of this image work there too; a running bottle reaches only its proxy.
COPY extra-ca.crt /usr/local/share/ca-certificates/extra-ca.crt
ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt

RUN apt-get update \
 && apt-get install -y --no-install-recommends \
      ca-certificates curl dtach git jq less openssh-client procps ripgrep socat \
 && rm -rf /var/lib/apt/lists/* \
 && if [ -s /usr/local/share/ca-certificates/extra-ca.crt ]; then \
      cat /usr/local/share/ca-certificates/extra-ca.crt >> /etc/ssl/certs/ca-certificates.crt; \
    fi

ARG CLAUDE_CODE_VERSION=2.1.329
RUN npm install --global --no-audit --no-fund --no-update-notifier \
      "@anthropic-ai/claude-code@${CLAUDE_CODE_VERSION}" \
 && npm cache clean --force \
 && claude --version

RUN mkdir /workspace && chown node:node /workspace
USER node
WORKDIR /workspace
