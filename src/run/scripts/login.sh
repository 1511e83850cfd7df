# Proves to a registry who is asking; nothing of it stays. The password comes on stdin.
# Arguments: REGISTRY (empty: the engine's own) USERNAME
registry=$1 username=$2
if [ "$engine" = podman ] && [ -z "$registry" ]; then registry=docker.io; fi
log_in || exit 1
if [ -n "$registry" ]; then set -- "$registry"; else set --; fi
$engine login --username "$username" --password-stdin "$@" >/dev/null
