#!/usr/bin/env bash
# deploy.sh VERSION: puts a release on the color that is not live, and moves the site's link.
set -e
VERSION=$1
LB=${LB:-lb1}
APPS=${APPS:-app1 app2}
SSH=${SSH:-ssh}

live=$($SSH "$LB" readlink /etc/nginx/sites-enabled/my-server.conf || true)
case $live in
  *blue*) COLOR=green PORT=18081 ;;
  *) COLOR=blue PORT=18080 ;;
esac
echo "deploying $VERSION to $COLOR"

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

sleep 5
for host in $APPS; do
  $SSH "$host" "docker exec my-server-$COLOR-web-1 /app healthcheck" || { echo "$host is not healthy"; exit 1; }
done

$SSH "$LB" "cat >/etc/nginx/sites-available/my-server-$COLOR.conf" <<END
upstream my-server {
$(for host in $APPS; do echo "    server $host:$PORT;"; done)
}
server {
    listen 80 default_server;
    ${EXTRA_LISTEN:-}
    location / { proxy_pass http://my-server; }
}
END
$SSH "$LB" "ln -sfn /etc/nginx/sites-available/my-server-$COLOR.conf /etc/nginx/sites-enabled/my-server.conf"
$SSH "$LB" "nginx -t && nginx -s reload"
echo "done, $COLOR is live"
