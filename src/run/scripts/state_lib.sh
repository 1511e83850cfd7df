# The folder with an app's state, and the one above it, of all apps. Who may write there decides what this host does, and
# who may open a lock there holds everybody up: they are for root and for the user who deploys alone, or, where
# BGCTL_STATE_GROUP names one, for that group. Of what is refused, $why says why and what to do.
state_newline='
'
state_me=$(id -u)

# Says which group it is; an empty name: none.
for_group() {
  state_group=$1
  if [ -z "$1" ]; then state_umask=077 state_hint=", or set bgctl_state_group where several users deploy"
  else state_umask=007 state_hint=; fi
}
for_group "${BGCTL_STATE_GROUP:-}"

# Looks who owns a path and who else may do what there; with -L ahead of it, at what a link stands for.
look_who() {
  state_seen=$(stat -c "%u$state_newline%U$state_newline%G$state_newline%a" "$@" 2>/dev/null) || return 1
  state_uid=${state_seen%%"$state_newline"*}
  state_seen=${state_seen#*"$state_newline"}
  state_owner=${state_seen%%"$state_newline"*}
  state_seen=${state_seen#*"$state_newline"}
  state_their_group=${state_seen%%"$state_newline"*}
  state_mode=${state_seen#*"$state_newline"}
  case $state_owner in UNKNOWN | '') state_owner="user $state_uid" ;; esac
}

# Whether who owns what was looked at is trusted with it.
trusts_owner() {
  if [ "$state_uid" = 0 ] || [ "$state_uid" = "$state_me" ]; then return 0; fi
  [ "$state_their_group" = "$state_group" ] && is_member
}

# Whether who owns what was looked at is in the group that shares the state.
is_member() {
  [ -n "$state_group" ] || return 1
  case " $(id -Gn "$state_owner" 2>/dev/null) " in *" $state_group "*) ;; *) return 1 ;; esac
}

# Whether a group has nobody in it but root and who runs this. $2: its number.
is_nobodys() {
  [ "$2" != 0 ] || return 0
  while IFS=: read -r state_name _ state_gid state_members; do
    [ "$state_gid" = "$2" ] || continue
    case $state_members in '' | root | "$(id -un)") ;; *) return 1 ;; esac
    while IFS=: read -r state_name _ _ state_gid _; do
      [ "$state_gid" != "$2" ] || case $state_name in root | "$(id -un)") ;; *) return 1 ;; esac
    done </etc/passwd
    return 0
  done </etc/group
  return 1
}

# Whether nobody but who is trusted may write into the folder that was looked at.
is_closed_to_groups() {
  case $state_mode in *[2367]?) ;; *) return 0 ;; esac
  [ "$state_their_group" = "${state_group:-:}" ] || is_nobodys "$1" "$(stat -L -c %g "$1")"
}

refuse_owner() {
  state_whose="$(id -un) or root"
  [ "$state_me" != 0 ] || state_whose=root
  why="$1${2:-} belongs to $state_owner, not to $state_whose: \`chown -R $(id -un) $1\` if it is bgctl's, or set another bgctl_state_dir$state_hint"
}

# Whether a folder of state may be relied on. $2 is `all` for the one of all apps. Changes nothing. A link is root's or of
# who runs this: one of the group's could stand for any folder of theirs.
trusts_folder() {
  if [ -L "$1" ] && look_who "$1" && [ "$state_uid" != 0 ] && [ "$state_uid" != "$state_me" ]; then
    refuse_owner "$1" ", a symlink,"
    return 1
  fi
  if [ ! -d "$1" ] || ! look_who -L "$1"; then
    why="$1 is no folder: move it away, or set another bgctl_state_dir"
    return 1
  fi
  trusts_owner || { refuse_owner "$1"; return 1; }
  # Of a sticky one everybody keeps the own things, which is enough of the one of all apps.
  case ${2:-}$state_mode in
    all[1357]???) ;;
    *[2367])
      why="everybody may write into $1 (mode $state_mode): look what is in it, then \`chmod o-w $1\`, or set another bgctl_state_dir"
      return 1 ;;
  esac
  if [ ! -x "$1" ] || { [ "${2:-}" != all ] && [ ! -r "$1" ]; }; then
    why="$1 is $state_owner's and closed to $(id -un): become $state_owner, \`chown -R $(id -un) $1\`, or set another bgctl_state_dir$state_hint"
    return 1
  fi
  [ "${2:-}" = all ] || return 0
  case $state_mode in
    [1357]???) ;;
    *)
      is_closed_to_groups "$1" || holds_state_alone "$1" || {
        why="the group $state_their_group may write into $1, which holds more than bgctl's: \`chmod g-w $1\`, or set another bgctl_state_dir$state_hint"
        return 1
      } ;;
  esac
  trusts_place "$1"
}

# Whether nobody else can put another folder in a folder's place.
trusts_place() {
  state_place=$(cd -P "$1" && pwd -P) && state_place=${state_place%/} || return 1
  while [ -n "$state_place" ]; do
    state_place=${state_place%/*}
    look_who "${state_place:-/}" && trusts_owner && case $state_mode in
      [1357]???) ;;
      *[2367]) false ;;
      *) is_closed_to_groups "${state_place:-/}" ;;
    esac && continue
    why="others can put another folder in the place of $1: ${state_place:-/} is $state_owner's, mode $state_mode; set another bgctl_state_dir"
    return 1
  done
}

# Whether a folder holds nothing but what bgctl keeps, and is none that the system has for everybody.
holds_state_alone() {
  case $1 in /*/*) ;; *) return 1 ;; esac
  for state_entry in "$1"/* "$1"/.[!.]* "$1"/..?*; do
    case ${state_entry##*/} in switch.lock | switch.lock.*) continue ;; esac
    [ -e "$state_entry" ] || [ -L "$state_entry" ] || continue
    [ -e "$state_entry/lock" ] || [ -e "$state_entry/switch.lock" ] || [ -d "$state_entry/releases" ] || return 1
  done
}

is_shut() {
  if [ -z "$state_group" ]; then case $state_mode in *00) ;; *) return 1 ;; esac
  else [ "$state_mode" = "$1" ] && [ "$state_their_group" = "$state_group" ]; fi
}

# The same for a folder that is written into: it is made where it lacks, and closed to others where it is not, which is
# told on a line that begins with `note`.
own_folder() {
  state_made=
  if [ ! -e "$1" ] && [ ! -L "$1" ]; then
    state_above=${1%/*}
    if ! { (umask 022 && mkdir -p "${state_above:-/}") && { (umask 077 && mkdir "$1") || [ -d "$1" ]; }; } 2>/dev/null; then
      why="$(id -un) may not make $1: set bgctl_state_dir, or let it become root$state_hint"
      return 1
    fi
    state_made=yes
  fi
  trusts_folder "$@" || return 1
  look_who -L "$1"
  ! is_shut 2770 || return 0
  case ${2:-}$state_mode in
    all[1357]???) return 0 ;;
    all*) [ -n "$state_made" ] || holds_state_alone "$1" || return 0 ;;
  esac
  if [ "$state_me" = 0 ] || [ "$state_uid" = "$state_me" ]; then close_folder "$@"; return; fi
  # Its owner's affair, as long as no other group may write into it.
  case $state_mode in *[2367]?) ;; *) return 0 ;; esac
  [ "$state_their_group" = "${state_group:-:}" ] && return
  why="the group $state_their_group may write into $1, which only $state_owner can change: \`chmod g-w $1\`$state_hint"
  return 1
}

# Goes to a folder of state: to itself, or to what a link of root's stands for where nobody else can lay another.
enter_folder() {
  state_above=${1%/*}
  cd -P "${state_above:-/}" && state_expected=$(pwd -P) && cd -P "$1" || return 1
  [ "$(pwd -P)" != "${state_expected%/}/${1##*/}" ] || return 0
  look_who "${state_above:-/}" && case $state_mode in *[2367]? | *[2367]) false ;; esac
}

# Closes the folder that this is in to all others. From then on none of them reaches what is in it, also who is in it
# already: what a name there stands for stays that.
shut_here() {
  if [ "$state_me" != 0 ]; then [ "$(stat -c %u .)" = "$state_me" ] || return 1; else chown 0 .; fi &&
    chmod u=rwx,go= . && chmod g-s .
} 2>/dev/null

share_here() { { [ -z "$state_group" ] || { chgrp "$state_group" . && chmod 2770 .; }; } 2>/dev/null; }

# What is in an app's folder is put right before the group can reach it: no link of anybody is in the way then.
close_folder() {
  state_was="$state_owner:$state_their_group, mode $state_mode"
  (
    enter_folder "$1" && shut_here || exit 1
    if [ -n "$state_group" ] && [ "${2:-}" != all ]; then tidy_here undo; fi
    share_here || exit 2
  )
  case $? in
    0) ;;
    2)
      why="$(id -un) cannot share $1 with the group $state_group: is there such a group on this host, and is $(id -un) in it?"
      return 1 ;;
    *)
      why="$1 cannot be closed to others by $(id -un): set another bgctl_state_dir"
      return 1 ;;
  esac
  if [ -z "$state_made" ]; then
    look_who -L "$1"
    echo "note $1 was not as private as it has to be ($state_was): it is now $state_owner:$state_their_group, mode $state_mode"
  fi
}

# Takes away what others may do with what is in a folder.
tidy() {
  state_open=$(find "$1" ! -path "$1/undo/*" ! -type l ! -name lock ! -name switch.lock \
    \( -perm -040 -o -perm -020 -o -perm -010 -o -perm -04 -o -perm -02 -o -perm -01 \) -print 2>/dev/null)
  [ -n "$state_open" ] || return 0
  if (enter_folder "$1" && shut_here && tidy_here undo); then
    echo "note others could read what was kept in $1: they no longer can"
  fi
}

# The same for what is in the folder that this is in, which is shut. Locks are replaced instead: who opened one keeps it
# (lock_lib.sh). What is kept for a way back (in $1) has the mode that it goes back with; its folder lets nobody in. A file with
# a second name may be anybody's.
tidy_here() {
  for state_entry in ./* ./.[!.]* ./..?*; do
    case ${state_entry#./} in lock | switch.lock) continue ;; esac
    if [ -L "$state_entry" ]; then continue; fi
    if [ -d "$state_entry" ]; then
      (
        cd -P "$state_entry" && shut_here || exit 0
        [ "${state_entry#./}" = "${1:-}" ] || tidy_here
        share_here
      )
    elif [ -f "$state_entry" ] && [ "$(stat -c %h "$state_entry")" = 1 ]; then
      if [ "$state_me" != 0 ] && [ "$(stat -c %u "$state_entry")" != "$state_me" ]; then continue; fi
      if [ -z "$state_group" ]; then chmod go= "$state_entry"
      else chgrp "$state_group" "$state_entry" && chmod 660 "$state_entry"; fi 2>/dev/null
    fi
  done
}

# Makes the folder of an app's state and the one above it as they have to be. Where one of them is refused nothing is done.
own_folders() {
  state_all=${1%/*}
  reads_state "$1" || [ -z "$why" ] || return 1
  own_folder "${state_all:-/}" all && own_folder "$1"
}

# The same with what is in it.
own_state() {
  own_folders "$1" || return 1
  [ -n "$state_group" ] || tidy "$1"
}

# Whether the app's folder of state may be read: the same, and nothing is changed. Where there is none $why is empty.
reads_state() {
  state_all=${1%/*} why=
  [ -e "${state_all:-/}" ] || [ -L "$state_all" ] || return 1
  trusts_folder "${state_all:-/}" all || return 1
  [ -e "$1" ] || [ -L "$1" ] || return 1
  trusts_folder "$1"
}

# Whether a file of state can be one of bgctl's: it is no link, and whose it is is trusted.
ours() {
  [ -f "$1" ] && [ ! -L "$1" ] || return 1
  # shellcheck disable=SC3067 # dash, busybox and bash know it; the others are looked at
  [ -O "$1" ] || { look_who "$1" && trusts_owner; }
}

# Gives a file of $folder the text on stdin, all at once. Nothing is written through a name that is there already.
keep_state() {
  state_new=$folder/.$1.new
  rm -f "$state_new"
  if (umask "$state_umask" && set -C && cat >"$state_new") 2>/dev/null && mv -fT "$state_new" "$folder/$1" 2>/dev/null; then
    return 0
  fi
  rm -f "$state_new"
  return 1
}
