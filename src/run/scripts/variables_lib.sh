# Variables for a container that an engine makes: they are the engine's environment, where no list of processes shows
# their values, and may be called like variables of the script.

# Runs a command in place of a subshell. Arguments: COUNT WORD … [VARIABLE VALUE …]; COUNT: of the command's words.
with_variables() (
  count=$1
  shift
  set -- "$@" --
  while [ "$count" -gt 0 ]; do
    set -- "$@" "$1"
    shift
    count=$((count - 1))
  done
  # From here on nothing of the script is read any more.
  while [ "$1" != -- ]; do
    export "$1=$2"
    shift 2
  done
  shift
  exec "$@"
)
