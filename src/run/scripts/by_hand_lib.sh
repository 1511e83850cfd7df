# Commands of people: they read nothing, what they print is only shown when they fail, and they hold no turn of a switch.
# What they start may outlive them (a restart is a reload, too): it has a file for what it prints, as a pipe would keep
# its reader waiting for as long as it lives.
by_hand() {
  printed=$(mktemp 2>/dev/null) || printed=/dev/null
  sh -c "$@" </dev/null >"$printed" 2>&1 8>&- 9>&-
  ended=$?
  if [ "$printed" != /dev/null ]; then
    cat "$printed" >&2
    rm -f "$printed"
  fi
  return "$ended"
}
