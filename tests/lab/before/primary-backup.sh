#!/usr/bin/env bash
# deploy.sh VERSION: puts a release on the backup color, makes it the primary, then brings the other one up to it.
set -e
VERSION=$1
LB=${LB:-lb1}
APPS=${APPS:-app1 app2}
SSH=${SSH:-ssh}
SITE=/etc/nginx/sites-available/my-server

if $SSH "$LB" readlink /etc/nginx/sites-enabled/my-server.conf | grep -q blue; then
  COLOR=green PORT=18081 OLD=blue OLD_PORT=18080
else
  COLOR=blue PORT=18080 OLD=green OLD_PORT=18081
fi

up() { # up COLOR PORT
  for host in $APPS; do
    $SSH "$host" "mkdir -p /srv/my-server/$1 && cat >/srv/my-server/$1/compose.yml" <<END
services:
  web:
    image: my-server:$VERSION
    restart: unless-stopped
    ports: ["$2:8080"]
    environment: { COLOR: $1, HOST_NAME: $host }
END
    $SSH "$host" "cd /srv/my-server/$1 && docker compose -p my-server-$1 up -d --force-recreate"
  done
}

servers() { for host in $APPS; do echo "    server $host:$1 max_fails=3 fail_timeout=10s$2;"; done; }

echo "== $VERSION to $COLOR"
up "$COLOR" "$PORT"
sleep 5 # it is up by then

$SSH "$LB" "cat >$SITE-$COLOR.conf" <<END
upstream my-server {
$(servers "$PORT" "")
$(servers "$OLD_PORT" " backup")
}
server {
    listen 80 default_server;
    location / {
        proxy_pass http://my-server;
        proxy_next_upstream error timeout;
    }
}
END
$SSH "$LB" "ln -sfn $SITE-$COLOR.conf /etc/nginx/sites-enabled/my-server.conf && nginx -t && nginx -s reload"

echo "== $VERSION to $OLD, the backup"
up "$OLD" "$OLD_PORT"
echo "== done"
