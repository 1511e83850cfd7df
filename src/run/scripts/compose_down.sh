# Prints a project's last log lines, then takes it down; does nothing where there is none.
# Arguments: KIND NAME DIR
ids=$(containers) || exit 1
if [ -n "$ids" ]; then
  for id in $ids; do
    # Docker's own names say which service and which replica speak.
    $engine inspect --format '── {{.Name}} ({{.State.Status}}, exit code {{.State.ExitCode}})' "$id" 2>/dev/null | sed 's|── /|── |'
    $engine logs --tail 100 "$id" 2>&1 | tail -c 16384
  done
fi
# With its file the project's networks are known by name; without it, labels find the rest.
if [ -n "$ids" ] && cd "$dir" 2>/dev/null; then compose -p "$name" down --remove-orphans >&2; fi
ids=$(containers)
# shellcheck disable=SC2086 # ids hold no white space
if [ -n "$ids" ]; then $engine rm -f $ids >/dev/null || exit 1; fi
networks=$($engine network ls -q --filter "label=com.docker.compose.project=$name")
# shellcheck disable=SC2086 # ids hold no white space
if [ -n "$networks" ]; then $engine network rm $networks >/dev/null || exit 1; fi
