# The one-off containers in which commands of a playbook run. Needs compose_lib.sh. Those of a person's own
# `compose run` do not bear the label.
label=bgctl.command

one_offs() { $engine ps -q "$@" --filter "label=com.docker.compose.project=$name" --filter "label=$label"; }

# Removes those that an earlier run left. One that still runs is ended if $1 is `stop`; with `wait` its end is
# waited for, because killed half way it may leave more harm than it mends.
clear_one_offs() {
  running=$(one_offs) || return 1
  # shellcheck disable=SC2086 # ids hold no white space
  if [ -n "$running" ]; then
    if [ "$1" = stop ]; then $engine stop $running >/dev/null 2>&1
    else
      $engine wait $running >/dev/null 2>&1
      echo "waited for the end of a command that an earlier run had started"
    fi
  fi
  tries=0
  # What is made with --rm removes itself meanwhile: what counts is that nothing is left.
  while left=$(one_offs -a) || return 1; [ -n "$left" ]; do
    if [ "$tries" -ge 10 ]; then
      echo "containers of an earlier run's command cannot be removed: $left" >&2
      return 1
    fi
    [ "$tries" -eq 0 ] || sleep 1
    # shellcheck disable=SC2086 # ids hold no white space
    $engine rm -f $left >/dev/null 2>&1
    tries=$((tries + 1))
  done
}
