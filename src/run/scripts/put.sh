# Writes a file whole: a temporary file beside it, then a rename. Its content comes on stdin.
# Arguments: PATH SIZE MODE OWNER GROUP VALIDATE KEEP (empty: as it is, or the default)
# What it replaces is kept as KEEP. A PATH that is a symlink stays one, where it may be followed.
set -u
path=$1 size=$2 mode=$3 owner=$4 group=$5 validate=$6 keep=$7
began=$PWD
umask 022
reach "$path" follow make || { tell_refusal; exit 1; }
if [ "$at_kind" != none ]; then
  open_file || { tell_refusal; exit 1; }
  # Whom it lets do what: who owns a file must not have it become another one's program.
  [ -n "$mode" ] || case $at_mode in ????) mode=${at_mode#?} ;; *) mode=$at_mode ;; esac
  [ -n "$owner" ] || owner=$at_uid
  [ -n "$group" ] || group=$at_gid
fi
umask 077
leave_nothing
begin_file || { tell_refusal; exit 1; }
cat >&3 || exit 1
# A connection that breaks ends stdin early: half a file must not take the whole one's place.
arrived=$(stat -L -c %s /proc/self/fd/3)
if [ "$arrived" != "$size" ]; then
  echo "only $arrived of $size bytes arrived" >&2
  exit 1
fi
if [ -n "$owner$group" ]; then
  # Both at once: busybox takes the one that is not said from the link that leads to the descriptor.
  [ -n "$owner" ] || owner=$at_me
  [ -n "$group" ] || group=$(stat -L -c %g /proc/self/fd/3)
  chown "$owner:$group" /proc/self/fd/3 || exit 1
fi
chmod "${mode:-0644}" /proc/self/fd/3 || exit 1
if [ -n "$validate" ]; then
  shown=$at_here/${at_new#./}
  if ! (is_closed_throughout); then
    # There its name might come to lead the command to something else.
    at_room=$(mktemp -d) && cp -p /proc/self/fd/3 "$at_room/${path##*/}" || exit 1
    shown=$at_room/${path##*/}
  fi
  # %s stands for the file; it is handed over as $1, never pasted.
  # shellcheck disable=SC2016 # expanded by the shell that validates
  command=$(printf '%s\n' "$validate" | sed 's/%s/"$1"/g')
  (
    cd "$began" 2>/dev/null || cd / || exit 1
    sh -c "$command" validate "$shown" </dev/null >&2 3>&- 4<&-
  ) || exit 65
fi
if [ -n "$keep" ] && [ "$at_kind" = file ]; then
  keep_file "$keep" "$path" "$at_uid" "$at_gid" "$at_mode" || exit 1
fi
place_file || { tell_refusal; exit 1; }
