# Points nginx's symlink elsewhere, reloads, and proves that workers of a new generation run.
# When they do not, the link goes back and the reason stands on stderr.
# Arguments: LINK FROM TO SECONDS (an empty FROM or TO: no link)
link=$1 from=$2 to=$3 seconds=$4
# Once begun it comes to one of its two ends, also when nobody listens any more.
trap '' HUP PIPE
master=$(master) || { echo "nginx does not run: start it and look into $(error_log)" >&2; exit 1; }
log=$(error_log)

point() {
  if [ -z "$1" ]; then rm -f "$link"; return; fi
  rm -f "$link.bgctl"
  ln -s "$1" "$link.bgctl" && mv -fT "$link.bgctl" "$link"
}

here=$(readlink "$link")
if [ "$here" != "$from" ] && [ "$here" != "$to" ]; then
  echo "$link was changed meanwhile: it points to ${here:-nothing}, not to ${from:-nothing}" >&2
  exit 1
fi

emergencies() { tail -c "+$((seen + 1))" "$log" 2>/dev/null | grep -F '[emerg]'; }

# Reloads and waits for the new generation: 0 when it runs and the old one has stopped accepting.
reload() {
  old=" $(workers | tr '\n' ' ') "
  seen=$(wc -c <"$log" 2>/dev/null || echo 0)
  nginx -t -q || return 1
  # What `nginx -s reload` does once it has read the whole configuration again.
  kill -HUP "$master" || return 1
  until=$(($(now) + seconds * 1000))
  while [ "$(now)" -lt "$until" ]; do
    fresh=no stale=no
    for pid in $(workers); do
      case $old in *" $pid "*) stale=yes ;; *) fresh=yes ;; esac
    done
    [ "$fresh$stale" != yesno ] || return 0
    # nginx gives up only after several tries: its last word on it.
    ! emergencies | grep -qF 'still could not bind' || break
    rest
  done
  echo "nginx accepted the reload and kept its old configuration; its error log ($log) says:" >&2
  emergencies | sort -u -k 4 | tail -n 5 >&2
  return 1
}

begin=$(now)
point "$to" || exit 1
if reload; then
  echo "took $(($(now) - begin))"
  exit 0
fi
# To where it was: an undo that finds nothing to take back must not bring the new color in.
point "$here" || { echo "THE LINK COULD NOT BE PUT BACK: $link" >&2; exit 3; }
# What nginx holds in memory shall be what is on disk, even if the reload was only slow.
if reload 2>/dev/null; then echo "the link is back on ${here:-nothing}" >&2; exit 1; fi
echo "the link is back on ${here:-nothing}, and nginx did not reload that either" >&2
exit 1
