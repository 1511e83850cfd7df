#!/usr/bin/env bash
# deploy.sh VERSION: one nginx.conf with everything in it; sed changes the ports in `upstream api_backend`.
set -e
VERSION=$1
LB=${LB:-lb1}
APPS=${APPS:-app1 app2}
SSH=${SSH:-ssh}
CONF=/etc/nginx/nginx.conf

PORT_NOW=$($SSH "$LB" "sed -n '/upstream api_backend {/,/}/p' $CONF" | grep -o ':1808[01]' | head -n 1)
if [ "$PORT_NOW" = :18080 ]; then
  COLOR=green PORT=18081 OLD=blue OLD_PORT=18080
else
  COLOR=blue PORT=18080 OLD=green OLD_PORT=18081
fi

for host in $APPS; do
  echo "$host: starting $VERSION as $COLOR"
  $SSH "$host" "docker rm -f my-server-$COLOR >/dev/null 2>&1; docker run -d --name my-server-$COLOR --restart unless-stopped \
    -p $PORT:8080 -e COLOR=$COLOR -e HOST_NAME=$host my-server:$VERSION"
done

for host in $APPS; do
  for _ in $(seq 30); do
    STATE=$($SSH "$host" "docker inspect --format '{{.State.Health.Status}}' my-server-$COLOR")
    [ "$STATE" = healthy ] && break
    sleep 1
  done
  [ "$STATE" = healthy ] || { echo "$host: $STATE"; exit 1; }
done

$SSH "$LB" "sed -i '/upstream api_backend {/,/}/ s/:$OLD_PORT/:$PORT/' $CONF"
$SSH "$LB" "nginx -t && nginx -s reload"

sleep 5
for host in $APPS; do $SSH "$host" "docker rm -f my-server-$OLD 2>/dev/null" || true; done
echo "api_backend is $COLOR"
