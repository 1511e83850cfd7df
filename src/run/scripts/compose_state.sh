# Stops a project's containers, or starts those that are stopped.
# Arguments: KIND NAME DIR start|stop
ids=$(containers) || exit 1
if [ -z "$ids" ]; then
  [ "$4" = stop ] && exit 0
  echo "project $name has no containers to start" >&2
  exit 1
fi
# shellcheck disable=SC2086 # ids hold no white space
$engine "$4" $ids >/dev/null
