# What is to be done whatever ends a script.

# Runs $1 then, and is called before there is anything to be done: dash and busybox run no `trap … EXIT` when a signal ends them.
at_end() {
  # shellcheck disable=SC2064 # it is a text of the script's own, expanded when it runs
  trap "$1" EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 141' PIPE
  trap 'exit 143' TERM
}
