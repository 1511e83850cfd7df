# Where a run keeps what taking it back needs: KEPT, which is STATE/APP/undo/HASH.NAME.RUN.bgctl, for PATH, which is
# called NAME. That folder is its owner's alone. Where it cannot be had things are kept beside PATH, as .NAME.RUN.bgctl, if
# nobody else may write there. A KEPT with such a name is one of an older bgctl. Begins with path_lib.sh.

# Whether what is in the folder that was looked at was put there by who runs this, or by those who share the app's state.
is_private() {
  if [ "$at_me" != 0 ] && [ "$at_in_mode" = 2770 ]; then return 0; fi
  [ "$at_in_uid" = "$at_me" ] && is_closed
}

is_older() { case ${1##*/} in .*) ;; *) return 1 ;; esac; }

# Sets $at_beside to what KEPT is called beside PATH.
name_beside() {
  at_beside=${1##*/}
  is_older "$1" || at_beside=.${at_beside#*.}
}

# Goes to what KEPT is beside PATH.
reach_beside() {
  name_beside "$1"
  reach "$2" follow || return
  at_name=$at_beside
  look "$at_name"
}

# Makes KEPT's folder where it lacks, and those of bgctl's above it.
make_undo() (
  at_undo=${1%/*}
  umask 077
  reach "$at_undo" stay make && [ "$at_kind" = none ] || return
  mkdir "./$at_name" 2>/dev/null || return
  # Who shares the app's folder shares this one.
  case $at_me:$at_in_mode in 0:*) ;; *:2?7?) chmod 2770 "./$at_name" ;; esac
)

# Whether what lies beside a file in the folder that was looked at is as good as that file. Root trusts nobody with it;
# for others, who shares a folder of theirs could replace the file itself.
may_lie_beside() {
  ! is_closed || return 0
  [ "$at_me" != 0 ] && is_trusted "$at_in_uid" && case $at_in_mode in *[2367]) false ;; esac
}

# Goes to where KEPT is to be; its folder is made where it lacks.
reach_new_kept() {
  if is_older "$1"; then reach "$1" stay; return; fi
  make_undo "$1"
  if reach "$1" stay; then
    if is_private && [ -w . ]; then return 0; fi
    refuse "${1%/*}" "is not for $(id -un) alone to write to (it is $at_in_user's, mode $at_in_mode)"
  fi
  [ -n "$refused" ] || refuse "${1%/*}" "cannot be made by $(id -un)"
  at_why="$refused_at $refused"
  if reach_beside "$1" "$2" && may_lie_beside && [ -w . ]; then return 0; fi
  refuse "$2" "is not touched, as what the way back needs cannot be kept: $at_why; set bgctl_state_dir to a folder of $(id -un)'s, or mend that one"
}

# Goes to where KEPT is. Fails with 2 where nothing was kept.
reach_kept() {
  at_place='' at_why=''
  if reach "$1" stay; then
    if [ "$at_kind" != none ]; then
      if is_older "$1" || is_private; then return 0; fi
      refuse "$at_here" "is not for $(id -un) alone to write to (it is $at_in_user's, mode $at_in_mode), so what it keeps is not believed"
      return 1
    fi
  elif [ "$at_me" = 0 ]; then at_place=$refused_at at_why=$refused; fi
  if ! is_older "$1" && reach_beside "$1" "$2" && [ "$at_kind" != none ]; then
    if may_lie_beside; then return 0; fi
    # Root keeps nothing in such a folder: what lies there is the affair of who put it there.
    if [ "$at_me" != 0 ]; then
      refuse "$at_here" "is a folder that others may write to, so what it keeps is not believed"
      return 1
    fi
  fi
  [ -n "$at_why" ] || return 2
  refuse "$at_place" "$at_why"
}

# Removes what earlier runs kept in this folder under a name without its run; all but $2. Each could only undo itself.
forget() {
  for at_old in ./"$1".*.bgctl; do
    at_run=${at_old#./"$1".}
    case ${at_run%.bgctl} in *.*) continue ;; esac
    [ "$at_old" = "./$2" ] || rm -f "$at_old"
  done
}

# Goes to where KEPT is to be, to begin a file there. Arguments: KEPT PATH
begin_kept() {
  reach_new_kept "$1" "$2" || { tell_refusal; return 1; }
  at_new=
  leave_nothing
}

# Gives it its place. Nobody needs what earlier runs kept, wherever that was.
end_kept() {
  if ! place_file; then
    tell_failure "what the way back needs cannot be kept"
    return 1
  fi
  forget "${at_name%.*.bgctl}" "$at_name"
  name_beside "$1"
  ! reach "$2" follow || forget "${at_beside%.*.bgctl}" "$at_beside"
}

# Keeps what is open as 4, as it is, unless something is kept already: a run's first write of a file counts.
# Arguments: KEPT PATH, and the file's owner, group and mode by their numbers.
keep_file() (
  begin_kept "$1" "$2" || return 1
  [ "$at_kind" = none ] || return 0
  if ! begin_file || ! copy_file "$3" "$4" "$5"; then
    tell_failure "what $2 holds cannot be kept for the way back (is there room?)"
    return 1
  fi
  end_kept "$1" "$2"
)

# Keeps that something was begun. Arguments: KEPT PATH
keep_mark() (
  begin_kept "$1" "$2" || return 1
  begin_file || { tell_refusal; return 1; }
  end_kept "$1" "$2"
)

# Whether that was kept; fails with 2 where it was not.
is_marked() (
  reach_kept "$1" "$2"
  case $? in 0) [ "$at_kind" = file ] || return 2 ;; 2) return 2 ;; *) tell_refusal; return 1 ;; esac
)

# Forgets what was kept.
unkeep() (reach_kept "$1" "$2" && rm -f "./$at_name")
