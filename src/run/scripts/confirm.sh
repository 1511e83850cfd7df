# Keeps a switch: its dead-man goes home. Arguments: FOLDER RUN
set -u
folder=$1 run=$2
take_own_turn 45 || or_end "$?"

if recall armed; then
  switch="the switch to ${its_to:-nothing}, made at $its_time"
  if [ "$its_run" != "$run" ]; then
    echo "$switch by another run, $its_run, waits for a confirmation here; nothing of run $run does" >&2
    exit 1
  fi
  post=$(post)
  if [ "$post" = rebooted ]; then
    echo "this host was rebooted after $switch" >&2
    exit 1
  fi
  # The one rename that either this or the dead-man does.
  mv "$folder/armed" "$folder/confirmed" || exit 1
  rm -f "$folder/dead-man"
  if [ "$post" = lost ]; then echo "note the dead-man had been ended after $switch"; fi
  exit 0
fi
[ -z "$why" ] || { echo "$why" >&2; exit 1; }
# Asked again, because the answer was lost.
if recall confirmed && [ "$its_run" = "$run" ]; then exit 0; fi
[ -z "$why" ] || { echo "$why" >&2; exit 1; }
ours "$folder/dead-man" &&
  { IFS= read -r time && IFS= read -r his_run && IFS= read -r _ && IFS= read -r back; } 2>/dev/null <"$folder/dead-man"
if [ "${his_run:-}" = "$run" ]; then
  echo "nobody confirmed the switch in time: at $time the load balancer swapped back by itself, to ${back:-nothing}" >&2
  tail -n +8 "$folder/dead-man" >&2
else
  echo "no switch of run $run waits for a confirmation here" >&2
fi
exit 1
