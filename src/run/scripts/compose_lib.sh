# Which compose to call. Arguments of every script that begins with this: KIND NAME DIR …
set -u
PATH=$PATH:/usr/local/bin:/usr/sbin:/sbin
kind=$1 name=$2 dir=$3
engine=docker
[ "$kind" != podman ] || engine=podman

# Needs variables_lib.sh.
compose() {
  case $kind in
    v2) with_variables docker compose "$@" ;;
    v1) with_variables docker-compose "$@" ;;
    podman) with_variables podman compose "$@" ;;
  esac
}

containers() { $engine ps -aq --filter "label=com.docker.compose.project=$name"; }
