# Builds an image from a folder. Arguments: NAME FOLDER DOCKERFILE (empty: the folder's) [ARG VALUE …]
log_in || exit 1
name=$1 dir=$2 dockerfile=$3
shift 3
cd "$dir" || exit 1
before=$(id_of "$name")
engine=$(command -v "$engine") || exit 1
(
  pairs=$#
  # The engine takes a value from its environment, where no list of processes shows it.
  while [ "$pairs" -gt 0 ]; do
    export "$1=$2"
    set -- "$@" --build-arg "$1"
    shift 2
    pairs=$((pairs - 2))
  done
  if [ -n "$dockerfile" ]; then set -- -f "$dockerfile" "$@"; fi
  exec "$engine" build -t "$name" "$@" .
) </dev/null >&2 || exit 1
tell_image "$name" "$before"
