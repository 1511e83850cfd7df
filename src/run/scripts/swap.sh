# Points nginx's symlink elsewhere, reloads, and proves that workers of a new generation run.
# When they do not, the link goes back and the reason stands on stderr.
# Arguments: LINK FROM TO SECONDS FOLDER RUN TIMEOUT PROGRAM (an empty FROM or TO: no link)
# TIMEOUT: milliseconds after which PROGRAM, the dead-man, swaps back unless confirm.sh has been here before;
# empty: it is a way back, which nobody confirms, and which ends the waiting.
link=$1 from=$2 to=$3 seconds=$4 folder=$5 run=$6 timeout=$7 program=$8
# Once begun it comes to one of its two ends, also when nobody listens any more.
trap '' HUP PIPE
take_turn 30

if recall armed; then
  switch="the switch of run $its_run to ${its_to:-nothing}, made at $its_time,"
  case $(post) in
    watched)
      if [ "$its_run" != "$run" ]; then
        left=$(((its_deadline - $(now)) / 1000))
        echo "$switch still waits for its confirmation, and goes back by itself in ${left#-} s: try again then" >&2
        exit 1
      fi ;;
    rebooted) echo "note this host was rebooted while $switch waited for its confirmation" ;;
    lost) echo "note the dead-man was ended while $switch waited for its confirmation" ;;
  esac
fi

# For a way back too: where this script is cut off, the dead-man of the way there is still at his post.
stand_down() { rm -f "$folder/armed" "$folder/confirmed"; }

# Starts the dead-man, in a session of his own, and waits until he says that he is at his post.
arm() {
  command -v setsid >/dev/null 2>&1 || { echo "setsid is not installed (it is in util-linux)" >&2; exit 1; }
  stand_down
  token=$run.$$.$(now)
  # shellcheck disable=SC2016 # expanded by the inner shell
  link=$link from=$from to=$to seconds=$seconds folder=$folder run=$run timeout=$timeout program=$program \
    setsid sh -c 'eval "$program"' bgctl-dead-man "$token" - </dev/null >/dev/null 2>&1 9>&- &
  patience=$(($(now) + 5000))
  until recall armed && [ "$its_token" = "$token" ]; do
    if [ "$(now)" -ge "$patience" ]; then
      echo "nothing would swap back by itself here (is there room in $folder?), so nothing was changed" >&2
      exit 1
    fi
    rest
  done
}

know_nginx || { echo "$why" >&2; exit 1; }
find_log
here=$(readlink "$link")
if [ "$here" != "$from" ] && [ "$here" != "$to" ]; then
  echo "$link was changed meanwhile: it points to ${here:-nothing}, not to ${from:-nothing}" >&2
  exit 1
fi

if ! master=$(master); then
  echo "nginx does not run: start it, and look into $(whereabouts)" >&2
  # What it will serve when it is started again is the link's affair.
  if [ -z "$timeout" ] && point "$to"; then
    stand_down
    echo "the link is back on ${to:-nothing}" >&2
  fi
  exit 1
fi
[ -z "$timeout" ] || arm
begin=$(now)
point "$to" || exit 1
if reload; then
  [ -n "$timeout" ] || stand_down
  echo "took $(($(now) - begin))"
  exit 0
fi
# To where it was: an undo that finds nothing to take back must not bring the new color in.
point "$here" || { echo "THE LINK COULD NOT BE PUT BACK: $link" >&2; exit 3; }
# What nginx holds in memory shall be what is on disk, even if the reload was only slow.
if reload 2>/dev/null; then
  [ "$here" != "$from" ] || stand_down
  echo "the link is back on ${here:-nothing}" >&2
  exit 1
fi
echo "the link is back on ${here:-nothing}, and nginx did not reload that either" >&2
exit 1
