#!/usr/bin/env bash
# deploy.sh VERSION: HAProxy with a backend for each color; the runtime API says which one the site uses.
set -e
VERSION=$1
LB=${LB:-lb1}
APPS=${APPS:-app1 app2}
SSH=${SSH:-ssh}
MAP=/etc/haproxy/my-server.map
SOCKET=/run/haproxy/admin.sock

if $SSH "$LB" "echo 'show map $MAP' | socat stdio $SOCKET" | grep -q 'live blue'; then
  COLOR=green PORT=18081
else
  COLOR=blue PORT=18080
fi

for host in $APPS; do
  $SSH "$host" "mkdir -p /srv/my-server/$COLOR && cat >/srv/my-server/$COLOR/compose.yml" <<END
services:
  web:
    image: my-server:$VERSION
    restart: unless-stopped
    ports: ["$PORT:8080"]
    environment: { COLOR: $COLOR, HOST_NAME: $host }
END
  $SSH "$host" "cd /srv/my-server/$COLOR && docker compose -p my-server-$COLOR up -d --force-recreate"
done

# HAProxy checks the servers itself
for _ in $(seq 30); do
  UP=$($SSH "$LB" "echo 'show stat my-server-$COLOR 4 -1' | socat stdio $SOCKET" | grep -c ,UP,) || true
  [ "$UP" = "$(wc -w <<<"$APPS")" ] && break
  sleep 1
done

$SSH "$LB" "echo 'set map $MAP live $COLOR' | socat stdio $SOCKET"
echo "$COLOR is live"
