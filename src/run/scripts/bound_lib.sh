# An end for what may have none. BusyBox took the time as an option before its version 1.30.

if timeout 9 true 2>/dev/null; then timeout_option=
elif timeout -t 9 true 2>/dev/null; then timeout_option=-t
else timeout_option=none; fi

# Runs a program for so many seconds at the most; where no `timeout` is to be had, for as long as it takes.
bounded() {
  case $timeout_option in
    none)
      shift
      "$@" ;;
    *) timeout $timeout_option "$@" ;;
  esac
}
