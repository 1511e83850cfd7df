# Makes another color live, and proves that it took effect. When it did not, all goes back and the reason stands on stderr.
# What is changed, and how, is the affair of the library before it: link_lib.sh, file_lib.sh or command_switch_lib.sh.
# Arguments: LINK FROM TO SECONDS FOLDER RUN TIMEOUT PROGRAM (LINK: a symlink or a file; an empty FROM or TO: nothing)
# TIMEOUT: milliseconds after which PROGRAM, the dead-man, swaps back unless confirm.sh has been here before;
# empty: it is a way back, which nobody confirms, and which ends the waiting. BGCTL_TURN: seconds for others to end, 30.
link=$1 from=$2 to=$3 seconds=$4 folder=$5 run=$6 timeout=$7 program=$8
# Once begun it comes to one of its two ends, also when nobody listens any more.
trap '' HUP PIPE
digits "$seconds" || { echo "$seconds is no time" >&2; exit 1; }
own_folders "$folder" || or_end 73
turn=${BGCTL_TURN:-30}
digits "$turn" || turn=30
take_host_turn "$turn" || {
  status=$?
  [ -z "$timeout" ] || or_end "$status"
  # A way back does not fail because somebody else is slow, or means it to.
  echo "note it went back without its turn: $why"
}
take_own_turn "$turn" || or_end "$?"

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
elif [ -n "$why" ]; then
  [ -z "$timeout" ] || { echo "$why" >&2; exit 1; }
  echo "note $why"
fi

# For a way back too: where this script is cut off, the dead-man of the way there is still at his post.
stand_down() { rm -f "$folder/armed" "$folder/confirmed"; }

# Starts the dead-man, in a session of his own, and waits until he says that he is at his post.
arm() {
  command -v setsid >/dev/null 2>&1 || { echo "setsid is not installed (it is in util-linux)" >&2; exit 1; }
  stand_down
  token=$run.$$.$(now)
  # shellcheck disable=SC2016 # expanded by the inner shell
  link=$link from=$from to=$to seconds=$seconds folder=$folder run=$run timeout=$timeout program=$program host_turn=30 own_turn=90 \
    setsid sh -c 'eval "$program"' bgctl-dead-man "$token" - </dev/null >/dev/null 2>&1 7>&- 8>&- 9>&- &
  patience=$(($(now) + 5000))
  until recall armed && [ "$its_token" = "$token" ]; do
    if [ "$(now)" -ge "$patience" ]; then
      echo "nothing would swap back by itself here (is there room in $folder?), so nothing was changed" >&2
      exit 1
    fi
    rest
  done
}

ready || { echo "$why" >&2; exit 1; }
here=$(pointed) || exit 1
# Whether this run has switched here, in whatever state that is now.
has_switched() { { recall armed || recall confirmed; } && [ "$its_run" = "$run" ]; }
if [ "$here" != "$from" ] && [ "$here" != "$to" ]; then
  if [ -z "$timeout" ] && ! has_switched; then
    # It refused to, for the same reason: there is nothing to take back.
    echo "note $(changed "$here")"
    exit 0
  fi
  changed "$here" >&2
  exit 1
fi

if ! alive; then
  # What it will serve when it is started again is decided all the same.
  if [ -z "$timeout" ] && point "$to"; then
    stand_down
    put_back "$to" >&2
  fi
  exit 1
fi
[ "$here" != "$from" ] || save "$from" || exit 1
[ -z "$timeout" ] || arm
begin=$(now)
if point "$to" && take_effect; then
  [ -n "$timeout" ] || stand_down
  echo "took $(($(now) - begin))"
  exit 0
fi
# To where it was: an undo that finds nothing to take back must not bring the new color in.
point "$here" || { echo "IT COULD NOT BE PUT BACK: $(changed "$(pointed)")" >&2; exit 3; }
# What is in memory shall be what is on disk, even if it was only slow.
if take_effect 2>/dev/null; then
  [ "$here" != "$from" ] || stand_down
  put_back "$here" >&2
  exit 1
fi
echo "$(put_back "$here"), and that did not take effect either" >&2
exit 1
