#!/usr/bin/env bash
# deploy.sh VERSION: nginx and both colors on one machine; the port stands in an include of the site.
set -e
VERSION=$1
HOST=${HOST:-web1}
SSH=${SSH:-ssh}
INC=/etc/nginx/conf.d/service-url.inc
IMAGE=${REGISTRY:+$REGISTRY/}my-server:$VERSION

if $SSH "$HOST" grep -q 18080 $INC; then
  COLOR=green PORT=18081 OLD=blue
else
  COLOR=blue PORT=18080 OLD=green
fi

$SSH "$HOST" "mkdir -p /srv/my-server/$COLOR"
$SSH "$HOST" "cat >/srv/my-server/$COLOR/.env" <<END
SECRET_KEY=$SECRET_KEY
END
$SSH "$HOST" "cat >/srv/my-server/$COLOR/compose.yml" <<END
services:
  web:
    image: $IMAGE
    restart: unless-stopped
    env_file: .env
    ports: ["127.0.0.1:$PORT:8080"]
    environment: { COLOR: $COLOR }
END

if [ -n "$REGISTRY" ]; then
  $SSH "$HOST" "docker login -u $REGISTRY_USER -p $REGISTRY_PASSWORD $REGISTRY && docker pull $IMAGE"
fi
$SSH "$HOST" "cd /srv/my-server/$COLOR && docker compose -p my-server-$COLOR up -d --force-recreate"

sleep 3 # start-up
for _ in 1 2 3 4 5; do
  $SSH "$HOST" "docker exec my-server-$COLOR-web-1 /app healthcheck" && break
  sleep 2
done

$SSH "$HOST" "echo 'set \$service_url http://127.0.0.1:$PORT;' >$INC"
$SSH "$HOST" "nginx -t && nginx -s reload"
$SSH "$HOST" "docker rm -f my-server-$OLD-web-1 2>/dev/null" || true
echo "$COLOR is live"
