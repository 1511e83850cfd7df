# Puts a file back to what a write kept of it; where nothing was kept, the write never began or was taken back already.
# Arguments: PATH KEPT
set -u
path=$1 kept=$2
reach_kept "$kept" "$path"
case $? in 0) ;; 2) exit 0 ;; *) tell_refusal; exit 1 ;; esac
open_file || { tell_refusal; exit 1; }
owner=$at_uid group=$at_gid mode=$at_mode place=$at_in_id
private=no
! is_private || private=yes
reach "$path" follow || { tell_failure "$path cannot be put back where it was"; exit 1; }
if [ "$private" != yes ] && [ "$at_in_id" != "$place" ]; then
  echo "$kept is not believed: others may write to its folder, which is not $path's" >&2
  exit 1
fi
leave_nothing
if ! begin_file || ! copy_file "$owner" "$group" "$mode" || ! place_file; then
  tell_failure "$path could not be put back (is there room?)"
  exit 1
fi
unkeep "$kept" "$path"
