# Reloading nginx, and the proof that it took effect. Needs $seconds; begins with log_lib.sh and by_hand_lib.sh.

# Whether there is an nginx to be switched; $why says why not.
ready() { know_nginx && find_log; }

# Whether it runs; else it says so. Asked in a shell of its own, which uses names that mean something else here.
alive() {
  (master) >/dev/null && return
  echo "nginx does not run: start it, and look into $(whereabouts)" >&2
  return 1
}

test_config() {
  if [ -z "${BGCTL_NGINX_TEST:-}" ]; then call_nginx -t -q; return; fi
  # %s stands for the main file; it is handed over as $1, never pasted.
  # shellcheck disable=SC2016 # expanded by the shell that tests
  by_hand "$(printf '%s\n' "$BGCTL_NGINX_TEST" | sed 's/%s/"$1"/g')" test "$conf"
}

# Whether systemd's unit nginx is what runs this master, and can reload it.
is_a_unit() {
  [ -d /run/systemd/system ] || return 1
  unit=$(systemctl show --property=MainPID --property=CanReload nginx 2>/dev/null)
  case $unit in *"MainPID=$master"*) ;; *) return 1 ;; esac
  case $unit in *CanReload=yes*) ;; *) return 1 ;; esac
}

ask_for_reload() {
  if [ -n "${BGCTL_NGINX_RELOAD:-}" ]; then by_hand "$BGCTL_NGINX_RELOAD"
  elif [ -n "$container" ] && [ "$(main_process)" = "$master" ]; then bounded 20 "$engine" kill -s HUP "$container" >/dev/null
  elif [ -n "$container" ]; then call_nginx -s reload
  elif is_a_unit; then systemctl --no-ask-password reload nginx >&2 7>&- 8>&- 9>&-
  # What `nginx -s reload` does once it has read the whole configuration again.
  else kill -HUP "$master"; fi
}

# Reloads and waits for the new generation: 0 when it runs and the old one has stopped accepting.
take_effect() {
  mark_log
  alive || return 1
  master=$(master)
  old=" $(workers | tr '\n' ' ') "
  begun=$(now)
  test_config || return 1
  asked=$(now)
  until=$((asked + seconds * 1000))
  # Where nginx cannot say that it gave up, it has after the time that reading takes it, and its own 2.5 s of tries.
  longest=$((asked + 4000 + 4 * (asked - begun)))
  if [ "$kind" = nowhere ] && [ "$longest" -lt "$until" ]; then until=$longest; fi
  ask_for_reload || { echo "the reload failed" >&2; return 1; }
  while [ "$(now)" -lt "$until" ]; do
    # A reload that is a restart, or a new binary, is a new master.
    [ -d "/proc/$master" ] || master=$(master) || { rest; continue; }
    fresh=no stale=no
    for pid in $(workers); do
      case $old in *" $pid "*) stale=yes ;; *) fresh=yes ;; esac
    done
    [ "$fresh$stale" != yesno ] || return 0
    # nginx gives up only after several tries: its last word on it.
    ! emergencies | grep -qF 'still could not bind' || break
    rest
  done
  if [ "$kind" = nowhere ]; then
    echo "nginx accepted the reload and kept its old configuration; why cannot be read here: it stands in $(whereabouts)" >&2
    return 1
  fi
  reason=$(emergencies | sort -u -k 4 | tail -n 5)
  echo "nginx accepted the reload and kept its old configuration; its error log ($(whereabouts)) says:" >&2
  printf '%s\n' "${reason:-nothing of it}" >&2
  return 1
}
