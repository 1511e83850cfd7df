# Which compose to call. Arguments of every script that begins with this: KIND NAME DIR …
set -u
PATH=$PATH:/usr/local/bin:/usr/sbin:/sbin
kind=$1 name=$2 dir=$3
engine=docker
[ "$kind" != podman ] || engine=podman

compose() {
  case $kind in
    v2) docker compose "$@" ;;
    v1) docker-compose "$@" ;;
    podman) podman compose "$@" ;;
  esac
}

containers() { $engine ps -aq --filter "label=com.docker.compose.project=$name"; }
