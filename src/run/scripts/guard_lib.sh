# Whose turn it is to switch on this host, and what waits there for a confirmation. Needs $folder, and clock_lib.sh.

# One at a time, of all apps: a swap, the dead-man. One app's reload makes workers that the proof of another app's
# switch would take for its own. Waits $1 seconds for another one to end.
take_turn() {
  turn=${folder%/*}/switch.lock
  lockable "$turn"
  exec 9<"$turn" || exit 73
  await 9 "$1" "another switch, of this app or another one,"
  take_own_turn "$1"
}

# One at a time, of this app, also a confirmation: it waits for no other app, as its dead-man's time does not.
take_own_turn() {
  turn=$folder/switch.lock
  lockable "$turn"
  exec 8<"$turn" || exit 73
  await 8 "$1" "another switch of this app"
}

# Makes a file that is there to be locked.
lockable() {
  command -v flock >/dev/null 2>&1 || { echo "flock is not installed (it is in util-linux)" >&2; exit 1; }
  (umask 022 && mkdir -p "$folder") || exit 73
  # Whoever comes first makes it; apps may be deployed by several users, who can all read it.
  (umask 022 && : >>"$1") 2>/dev/null
  if [ ! -r "$1" ]; then
    echo "$1, by which switches on this host take turns, cannot be made or read by $(id -un)" >&2
    exit 73
  fi
}

# Locks what is open as $1. Waits $2 seconds for $3 to end.
await() {
  patience=$(($(now) + $2 * 1000))
  until flock -n "$1"; do
    if [ "$(now)" -ge "$patience" ]; then
      echo "$3 has been under way on this host for $2 s (it holds $turn)" >&2
      exit 75
    fi
    doze 0.1
  done
}

# Reads the file of a switch, "armed" or "confirmed", into $its_…; fails where there is none.
recall() {
  [ -r "$folder/$1" ] && {
    IFS= read -r its_run && IFS= read -r its_token && IFS= read -r its_pid && IFS= read -r its_boot &&
      IFS= read -r its_deadline && IFS= read -r its_time && IFS= read -r its_link && IFS= read -r its_from &&
      IFS= read -r its_to
  } 2>/dev/null <"$folder/$1"
}

# Whether the dead-man of what was recalled is at his post: "watched", or why not: "rebooted", "lost".
post() {
  IFS= read -r boot </proc/sys/kernel/random/boot_id
  if [ "$its_boot" != "$boot" ]; then echo rebooted
  elif tr '\0' ' ' 2>/dev/null <"/proc/$its_pid/cmdline" | grep -qF -- " $its_token "; then echo watched
  else echo lost; fi
}
