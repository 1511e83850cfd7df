#!/bin/sh
# Starts a host of the lab: its keys, its services, then sshd in the foreground.
# Nothing is started again by itself: what a test kills stays dead.
set -eu

authorize() {
  install -d -m 0700 -o "$1" -g "$1" "$2/.ssh"
  printf '%s\n' "$LAB_AUTHORIZED_KEY" >"$2/.ssh/authorized_keys"
  chown "$1:$1" "$2/.ssh/authorized_keys"
  chmod 0600 "$2/.ssh/authorized_keys"
}

# The host's own Docker Engine. Its containers' cgroups bear the host's name, so that they can be found and removed.
start_docker() {
  dockerd --cgroup-parent="/$LAB_CGROUP" >/var/log/dockerd.log 2>&1 &
}

# What a host that was stopped left behind.
rm -f /run/docker.pid /run/docker/containerd/containerd.pid /run/nginx.pid
ssh-keygen -A >/dev/null
mkdir -p /run/sshd
authorize root /root
authorize deploy /home/deploy
if command -v dockerd >/dev/null; then start_docker; fi
if command -v nginx >/dev/null; then nginx; fi
exec /usr/sbin/sshd -D -e
