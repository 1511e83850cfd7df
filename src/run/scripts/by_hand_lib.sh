# Commands of people: they read nothing, what they print is only shown when they fail, and they hold no turn of a switch.
# What they start may outlive them (a restart is a reload, too): it has a file for what it prints, as a pipe would keep
# its reader waiting for as long as it lives. The file has no name any more when they begin: whatever ends this, none stays.
# One that does not come back is ended after two minutes. Begins with bound_lib.sh.
by_hand() {
  printed=$(mktemp 2>/dev/null) || { bounded 120 sh -c "$@" </dev/null >/dev/null 2>&1 7>&- 8>&- 9>&-; return; }
  ended=1
  # shellcheck disable=SC2094 # one descriptor to write it and one to read it
  {
    rm -f "$printed"
    bounded 120 sh -c "$@" </dev/null >&5 2>&5 4<&- 5>&- 7>&- 8>&- 9>&-
    ended=$?
    cat <&4 >&2
  } 4<"$printed" 5>"$printed"
  return "$ended"
}
