# Which engine to call for images, and what it has of a name.
set -u
PATH=$PATH:/usr/local/bin:/usr/sbin:/sbin
engine=docker
command -v docker >/dev/null 2>&1 || engine=podman

# The id of an image by its name; empty where there is none.
id_of() { $engine image inspect --format '{{.Id}}' "$1" 2>/dev/null; }

# Says what an image's name stands for now: its id and digests, and whether that is new.
# Arguments: NAME, the id before
tell_image() {
  found=$($engine image inspect --format '{{.Id}}{{range .RepoDigests}} {{.}}{{end}}' "$1") || return 1
  echo "image $found"
  [ "${found%% *}" = "$2" ] || echo new
}
