# Whose turn it is to switch on this host, and what waits there for a confirmation. Needs $folder; begins with clock_lib.sh
# and lock_lib.sh.

# One at a time, of all apps: a swap, the dead-man. One app's reload makes workers that the proof of another app's
# switch would take for its own. Waits $1 seconds for another one to end; where that is not enough, or there is no such
# turn to be had, it fails, and $why says why.
take_host_turn() { take_turn 9 "${folder%/*}/switch.lock" "$1" "another switch, of this app or another one,"; }

# One at a time, of this app, also a confirmation: it waits for no other app, as its dead-man's time does not.
take_own_turn() { take_turn 8 "$folder/switch.lock" "$1" "another switch of this app"; }

# Locks the file $2 as descriptor $1. Waits $3 seconds for $4 to end.
take_turn() {
  patience=$(($(now) + $3 * 1000))
  while ! try_lock "$1" "$2"; do
    if [ -n "$why" ]; then return 73; fi
    if [ "$(now)" -ge "$patience" ]; then
      why="$4 has been under way on this host for $3 s (it holds $2)"
      return 75
    fi
    doze 0.1
  done
}

# Ends the script where its turn was refused, with that status.
or_end() {
  echo "$why" >&2
  exit "$1"
}

# Reads the file of a switch, "armed" or "confirmed", into $its_…; fails where there is none. One that bgctl cannot have
# written is none, and $why says so.
recall() {
  why=
  [ -e "$folder/$1" ] || [ -L "$folder/$1" ] || return 1
  why="$folder/$1 is not as bgctl writes it: look what it is, and remove it"
  ours "$folder/$1" && {
    IFS= read -r its_run && IFS= read -r its_token && IFS= read -r its_pid && IFS= read -r its_boot &&
      IFS= read -r its_deadline && IFS= read -r its_time && IFS= read -r its_link && IFS= read -r its_from &&
      IFS= read -r its_to
  } 2>/dev/null <"$folder/$1" && digits "$its_pid" && digits "$its_deadline" && why=
}

# Whether the dead-man of what was recalled is at his post: "watched", or why not: "rebooted", "lost".
post() {
  IFS= read -r boot </proc/sys/kernel/random/boot_id
  if [ "$its_boot" != "$boot" ]; then echo rebooted
  elif tr '\0' ' ' 2>/dev/null <"/proc/$its_pid/cmdline" | grep -qF -- " $its_token "; then echo watched
  else echo lost; fi
}
