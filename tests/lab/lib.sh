# shellcheck shell=bash
# What every script of the lab agrees on: names, addresses and how to speak to Docker.
# Sourced; LAB_DIR is this folder.

LAB_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export LAB_DIR
export LAB_LABEL=bgctl.lab SSH_PORT=2201 HTTP_PORT=8080

say() { printf 'lab: %s\n' "$*" >&2; }

die() {
  printf 'lab: error: %s\n' "$*" >&2
  exit 1
}

# Runs a command as root: directly, or through sudo.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# The machine's own Docker, through sudo where its socket is not ours to open.
DOCKER=(docker)
if [ -S /var/run/docker.sock ] && [ ! -w /var/run/docker.sock ]; then DOCKER=(sudo docker); fi
docker() { command "${DOCKER[@]}" "$@"; }

# A lab's name is letters, then its number: `lab` is number 0, `lab2` and `bookworm2` are number 2.
lab_number() {
  [[ $1 =~ ^[a-z]+([0-9]{0,2})$ ]] || die "a lab is named by small letters and a number below 25, as in lab2; not '$1'"
  local number=$((10#0${BASH_REMATCH[1]}))
  [ "$number" -lt 25 ] || die "the number of lab '$1' is over 24: its loopback addresses would not fit"
  echo "$number"
}

# hosts_of KIND COUNT: lb1 lb2 …, app1 app2 … or solo1 solo2 …
hosts_of() {
  local i
  for ((i = 1; i <= $2; i++)); do echo "$1$i"; done
}

container_of() { echo "bgctl-$1-$2"; }

# Where a host is published: load balancers of `lab` at 127.0.1.i, its app servers at 127.0.2.i, solo hosts at 127.0.3.i.
loopback_of() {
  local lab=$1 host=$2 third
  case $host in lb*) third=1 ;; app*) third=2 ;; *) third=3 ;; esac
  echo "127.0.$(($(lab_number "$lab") * 10 + third)).${host//[a-z]/}"
}

# A host's address inside the private network, whose first three numbers are given.
inside_of() {
  local prefix=$1 i=${2//[a-z]/}
  case $2 in lb*) i=$((10 + i)) ;; app*) i=$((100 + i)) ;; *) i=$((20 + i)) ;; esac
  echo "$prefix.$i"
}

# One name for the content of files, to notice that an image is out of date.
content_of() { cat "$@" | sha256sum | cut -c1-16; }
