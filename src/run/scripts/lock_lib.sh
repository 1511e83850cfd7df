# Files by which scripts exclude each other. Begins with state_lib.sh.
# Whoever has opened such a file holds it as long as they like, also one who could only read it, and also after its mode
# was changed. One that others could open, as earlier versions made them, is therefore replaced by another file:
# while it is locked, so that nobody else relies on it, and it stays locked (as descriptor 7) until the script ends,
# for who waits for it. Where it cannot be locked, only if root sees that no process of root's or of the owner's has it open.

# Makes one; that somebody else was faster does not matter.
make_lock() {
  state_new=$1.$$
  rm -f "$state_new"
  # Through its descriptor: others of the group could put a link in its place.
  (
    umask "$state_umask"
    set -C
    command exec 6>"$state_new" || exit
    if [ -n "$state_group" ] && [ -f /proc/self/fd/6 ] && look_who -L /proc/self/fd/6 && ! is_shut 660; then
      chgrp "$state_group" /proc/self/fd/6 && chmod 660 /proc/self/fd/6
    fi
  ) 2>/dev/null
  "$2" "$state_new" "$1" 2>/dev/null
  made=$?
  rm -f "$state_new"
  return "$made"
}

# Opens one as descriptor $1, making it where it lacks. Leaves what it is like to is_shut.
open_lock() {
  command -v flock >/dev/null 2>&1 || { why="flock is not installed (it is in util-linux)"; return 1; }
  if [ ! -e "$2" ] && [ ! -L "$2" ]; then make_lock "$2" ln; fi
  if [ -L "$2" ] || { [ -e "$2" ] && [ ! -f "$2" ]; }; then
    why="$2 is no file that bgctl made: look what it is, and remove it"
    return 1
  fi
  if ! look_who "$2"; then
    why="$2, by which runs take turns, cannot be made by $(id -un): it must be able to write into ${2%/*}$state_hint"
    return 1
  fi
  trusts_owner || { refuse_owner "$2"; return 1; }
  { eval "command exec $1<\"\$2\""; } 2>/dev/null && return
  why="$2 is $state_owner's and closed to $(id -un): become $state_owner, or \`chown $(id -un) $2\`$state_hint"
  return 1
}

# One try to lock such a file as descriptor $1. Fails with 75 where somebody has it, with 73 where nobody could; then $why
# says why.
try_lock() {
  why=
  open_lock "$@" || return 73
  if flock -n "$1"; then
    # Replaced since it was opened: the next try opens the new one.
    # shellcheck disable=SC3013 # dash, busybox and bash know it
    [ "$2" -ef "/proc/self/fd/$1" ] || { shut_lock "$1"; return 75; }
    ! is_shut 660 || return 0
    eval "exec 7<&$1"
    replace_lock "$@"
    return
  fi
  shut_lock "$1"
  if is_shut 660 || ! held_by_strangers "$2"; then return 75; fi
  look_who "$2"
  replace_lock "$@"
}

shut_lock() { eval "exec $1<&-"; }

# Puts another file in a lock's place, locked as descriptor $1.
replace_lock() {
  shut_lock "$1"
  made_as=$1
  mode_before=$state_mode
  if make_lock "$2" lock_new; then
    case $mode_before in
      *00) ;;
      *) echo "note others could open $2 (mode $mode_before), and hold everybody up by it: another file is in its place" ;;
    esac
    return 0
  fi
  shut_lock "$1"
  why="$2 can be opened by others, and $(id -un) may not put another file in its place: become $state_owner, or remove it while nobody deploys$state_hint"
  return 73
}

# Locked before anybody else knows of it.
lock_new() { eval "command exec $made_as<\"\$1\"" && flock -n "$made_as" && mv -fT "$1" "$2"; }

# Whether a lock's file is open in processes of others alone. Only root sees that.
held_by_strangers() {
  [ "$state_me" = 0 ] || return 1
  strangers=
  trusted=" root $state_owner "
  # shellcheck disable=SC2044 # no name in there holds white space
  for opened in $(find -L /proc/[0-9]*/fd -maxdepth 1 -inum "$(stat -c %i "$1")" 2>/dev/null); do
    # shellcheck disable=SC3013 # dash, busybox and bash know it
    if ! [ "$opened" -ef "$1" ] || ! look_who "${opened%/fd/*}"; then continue; fi
    case $trusted in *" $state_owner "*) return 1 ;; esac
    ! is_member || return 1
    strangers=yes
  done
  [ -n "$strangers" ] || locked_by_strangers "$1"
}

# The same where root may not look into others' processes, as in many containers: by whose lock the kernel names it. One
# that has ended since may have handed it on.
locked_by_strangers() {
  lock_inode=$(stat -c %i "$1") || return 1
  while read -r _ lock_kind _ _ lock_pid lock_place _; do
    case $lock_kind:$lock_place in FLOCK:*":$lock_inode") ;; *) continue ;; esac
    look_who "/proc/$lock_pid" || return 1
    case $trusted in *" $state_owner "*) return 1 ;; esac
    ! is_member || return 1
    strangers=yes
  done </proc/locks
  [ -n "$strangers" ]
}
