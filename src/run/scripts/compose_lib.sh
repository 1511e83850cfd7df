# Which compose to call. Needs variables_lib.sh. Arguments of every script that has this: KIND NAME DIR …
set -u
PATH=$PATH:/usr/local/bin:/usr/sbin:/sbin
kind=$1 name=$2 dir=$3
engine=docker
[ "$kind" != podman ] || engine=podman

compose() {
  case $kind in
    v2) with_variables docker compose "$@" ;;
    v1) with_variables docker-compose "$@" ;;
    podman) with_variables podman compose "$@" ;;
  esac
}

containers() { $engine ps -aq --filter "label=com.docker.compose.project=$name"; }
