# Reaching files where somebody else may have laid links: what is read, kept, written or removed is what was meant, or
# nothing is, with words. The rule:
# - A folder is closed where root or who runs this owns it and nobody else may write there.
# - A link is followed where root or who runs this made it, and it lies in a folder of theirs that is closed or in which
#   nobody can take away what is another's (sticky).
# - Plain folders may be anybody's. They are entered one at a time, and what is done there is done to names in ".": who
#   exchanges one that was passed changes nothing.
# - A file is read where it is a regular one. In a folder that is not closed it must have no second name, unless it is
#   that folder's owner's: people can give names of theirs to files that they may not read.
# - What is read comes through one descriptor of what was looked at. What is written gets a name that nobody has, is
#   written through the descriptor that made it, for its maker alone, and takes its place by a rename.
# $refused_at and $refused say what is in the way. All other names of this begin with at_: scripts have theirs.
at_newline='
'
at_me=
while read -r at_word _ at_listed _; do [ "$at_word" != Uid: ] || at_me=$at_listed; done 2>/dev/null </proc/self/status
[ -n "$at_me" ] || at_me=$(id -u)

# Sets $at_in_… to what the folder is like that this is in, $at_kind and $at_… to what a name there is like.
look() {
  at_ifs=$IFS
  IFS="/$at_newline"
  # shellcheck disable=SC2046 # split at slashes and lines: names of users may hold blanks
  set -- $(LC_ALL=C stat -c '%d:%i/%u/%g/%a/%h/%f/%s/%U/%G' . "./$1" 2>/dev/null)
  IFS=$at_ifs
  at_kind=none
  [ $# -ge 9 ] || return 1
  at_in_id=$1 at_in_uid=$2 at_in_gid=$3 at_in_mode=$4 at_in_user=$8
  shift 9
  [ $# -eq 9 ] || return 0
  at_id=$1 at_uid=$2 at_gid=$3 at_mode=$4 at_names=$5 at_size=$7 at_user=$8 at_group=$9
  case $6 in a???) at_kind='link' ;; 4???) at_kind=folder ;; 8???) at_kind='file' ;; *) at_kind=other ;; esac
}

is_trusted() { [ "$1" = 0 ] || [ "$1" = "$at_me" ]; }

# Whether a group is one that root or who runs this has to himself, as many systems give one to each.
is_own_group() {
  while IFS=: read -r at_word _ at_listed at_members; do
    [ "$at_listed" = "$1" ] || continue
    at_own=$(id -un)
    case $at_word in root | "$at_own") ;; *) return 1 ;; esac
    case $at_members in '' | root | "$at_own") return 0 ;; *) return 1 ;; esac
  done </etc/group
  return 1
}

# Whether the folder that was looked at is closed.
is_closed() {
  is_trusted "$at_in_uid" || return 1
  case $at_in_mode in *[2367]) return 1 ;; *[2367]?) is_own_group "$at_in_gid" ;; esac
}

# Whether that of all folders down to this one nobody else can exchange any, so that its name goes on leading here.
is_closed_throughout() {
  set -- /
  at_rest=$at_here
  while [ -n "$at_rest" ]; do
    set -- "$@" "$at_rest"
    at_rest=${at_rest%/*}
  done
  at_all=$(stat -c '%u %g %a' "$@" 2>/dev/null) || return 1
  while read -r at_in_uid at_in_gid at_in_mode; do
    is_trusted "$at_in_uid" || return 1
    case $at_in_mode in [1357]???) ;; *) is_closed || return 1 ;; esac
  done <<END
$at_all
END
}

at_new='' at_room='' at_kind=none refused_at='' refused=''
refuse() { refused_at=$1 refused=$2; return 1; }
tell_refusal() { echo "$refused_at $refused" >&2; }
# The same of something that may have failed for another reason, which then has been said.
tell_failure() { echo "$1${refused:+: $refused_at $refused}" >&2; }

may_follow() {
  at_who=$at_user
  if ! is_trusted "$at_uid"; then at_what="a link that $at_who made"
  elif ! is_trusted "$at_in_uid"; then at_who=$at_in_user at_what="a link in a folder of $at_who's"
  else
    case $at_in_mode in [1357]???) return 0 ;; esac
    ! is_closed || return 0
    at_who='' at_what="a link in a folder that others may write to"
  fi
  refuse "$at_here/$at_name" "is $at_what, and could be made to point anywhere: let what is meant be there itself, or have the folder and the link belong to root${at_who:+, or become its owner (become_user: $at_who)}"
}

# Goes to a path's folder, and sets $at_name to what the path is called there, $at_here to the folder's own path. Links
# on the way are followed where they may be; a link at its end with $2 = follow. With $3 = make folders that lack are
# made. Fails where it is refused, with 2 where a folder lacks, with 3 where one may not be entered.
reach() {
  at_path=$1 at_end=$2 at_make=${3:-} at_kind=none refused_at='' refused=''
  at_name=${1##*/} at_here=${1%/*}
  # Most often there is no link at all, which takes one look.
  case $at_name in
    '' | . | ..) ;;
    *)
      if cd -P "$at_here/" 2>/dev/null && [ "$(readlink /proc/self/cwd)" = "${at_here:-/}" ] && look "$at_name"; then
        if [ "$at_kind" != link ] || [ "$at_end" != follow ]; then return 0; fi
      fi ;;
  esac
  walk
}

# The same from part to part.
walk() {
  cd -P / || return 1
  at_rest=$at_path at_here='' at_expected='' at_turns=0
  while :; do
    while [ "$at_rest" != "${at_rest#/}" ]; do at_rest=${at_rest#/}; done
    at_name=${at_rest%%/*}
    at_rest=${at_rest#"$at_name"}
    while [ "$at_rest" != "${at_rest#/}" ]; do at_rest=${at_rest#/}; done
    case $at_name in
      '') refuse "$at_path" "is a folder"; return 1 ;;
      .) continue ;;
      ..)
        cd -P .. || return 1
        at_here=${at_here%/*} at_expected=
        continue ;;
    esac
    look "$at_name" || {
      refuse "${at_here:-/}" "cannot be looked at: it takes \`stat\` with \`-c\`, as coreutils and most of BusyBox have it"
      return 1
    }
    if [ -n "$at_expected" ] && [ "$at_in_id" != "$at_expected" ]; then
      refuse "$at_here" "was exchanged while it was entered"
      return 1
    fi
    at_expected=$at_in_id
    [ -n "$at_rest" ] || [ "$at_kind$at_end" = linkfollow ] || return 0
    case $at_kind in
      link | none)
        # Links in circles; folders that somebody removes as fast as they are made.
        at_turns=$((at_turns + 1))
        [ "$at_turns" -le 40 ] || { refuse "$at_path" "leads through more links than any path should"; return 1; } ;;
    esac
    case $at_kind in
      link)
        may_follow || return 1
        at_target=$(readlink "./$at_name") || return 1
        at_rest=$at_target/$at_rest
        case $at_target in
          /*)
            cd -P / || return 1
            at_here='' at_expected='' ;;
        esac ;;
      folder)
        if ! cd -P "./$at_name" 2>/dev/null; then
          refuse "$at_here/$at_name" "cannot be entered by $(id -un)"
          return 3
        fi
        at_here=$at_here/$at_name at_expected=$at_id ;;
      none)
        [ "$at_make" = make ] || return 2
        # Somebody else may have made it meanwhile: it is looked at again.
        if ! mkdir "./$at_name" 2>/dev/null && [ ! -d "./$at_name" ]; then
          refuse "$at_here/$at_name" "cannot be made by $(id -un)"
          return 1
        fi
        at_rest=$at_name/$at_rest ;;
      *)
        [ "$at_make" = make ] || return 2
        refuse "$at_here/$at_name" "is no folder"
        return 1 ;;
    esac
  done
}

# Opens the file that was reached as descriptor 4, if it may be read.
open_file() {
  at_where=$at_here/$at_name
  [ "$at_kind" = file ] || { refuse "$at_where" "is no regular file"; return 1; }
  if [ "$at_names" != 1 ] && ! is_closed && { is_trusted "$at_in_uid" || [ "$at_uid" != "$at_in_uid" ]; }; then
    refuse "$at_where" "has other names elsewhere (a hard link), and others may write to its folder: it could be any file of $at_user's; put a copy in its place"
    return 1
  fi
  [ -r "./$at_name" ] || { refuse "$at_where" "cannot be read by $(id -un)"; return 1; }
  { command exec 4<"./$at_name"; } 2>/dev/null || { refuse "$at_where" "cannot be opened"; return 1; }
  is_closed || [ "$(stat -L -c %d:%i /proc/self/fd/4)" = "$at_id" ] || { refuse "$at_where" "was exchanged while it was opened"; return 1; }
}

# Makes a file in this folder for its maker alone, open as descriptor 3; $at_new is its name.
begin_file() {
  at_umask=$(umask)
  umask 077
  set -C
  at_new=$(mktemp -u ./.bgctl.XXXXXX) && command exec 3>"$at_new"
  at_status=$?
  set +C
  umask "$at_umask"
  if [ "$at_status" != 0 ]; then
    at_new=
    refuse "$at_here" "is no folder in which $(id -un) can make a file"
    return 1
  fi
  at_new_id=$(stat -L -c '%d:%i %h %f' /proc/self/fd/3)
  case $at_new_id in *" 1 8"*) at_new_id=${at_new_id%% *} ;; *) refuse "$at_here" "did not take a new file"; return 1 ;; esac
}

# Fills it with what is open as 4, of that time, and gives it an owner, a group and a mode by their numbers.
copy_file() {
  cat <&4 >&3 || return 1
  # Only root can give files away.
  chown "$1:$2" /proc/self/fd/3 2>/dev/null || [ "$at_me" != 0 ] || return 1
  chmod "$3" /proc/self/fd/3 && touch -r /proc/self/fd/4 /proc/self/fd/3
}

# Gives it the place of what was reached.
place_file() {
  mv -fT "$at_new" "./$at_name" && [ "$(stat -c %d:%i "./$at_name")" = "$at_new_id" ] && return
  refuse "$at_here/$at_name" "could not be replaced, or was exchanged meanwhile"
}

drop_file() {
  [ -z "$at_new" ] || rm -f "$at_new"
  [ -z "$at_room" ] || rm -rf "$at_room"
}

# Whatever ends the script ends with the file that it began, and with $at_room, a folder for the time being.
leave_nothing() {
  trap drop_file EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 141' PIPE
  trap 'exit 143' TERM
}
