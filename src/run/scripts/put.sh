# Writes a file whole: a temporary file beside it, then a rename. Its content comes on stdin.
# Arguments: PATH SIZE MODE OWNER GROUP VALIDATE KEEP (empty: as it is, or the default)
# What it replaces is kept under KEEP, unless something is there already: a run's first write of a file counts.
set -u
path=$1 size=$2 mode=$3 owner=$4 group=$5 validate=$6 keep=$7
if [ -L "$path" ]; then path=$(readlink -f "$path"); fi
folder=$(dirname "$path")
(umask 022 && mkdir -p "$folder") || exit 1
umask 077
new=$(mktemp "$folder/.bgctl.XXXXXX") || exit 1
trap 'rm -f "$new"' EXIT
cat >"$new" || exit 1
# A connection that breaks ends stdin early: half a file must not take the whole one's place.
if [ "$(wc -c <"$new")" -ne "$size" ]; then
  echo "only $(wc -c <"$new") of $size bytes arrived" >&2
  exit 1
fi
if [ -e "$path" ]; then
  [ -n "$mode" ] || mode=$(stat -c %a "$path")
  [ -n "$owner" ] || owner=$(stat -c %u "$path")
  [ -n "$group" ] || group=$(stat -c %g "$path")
fi
if [ -n "$owner" ]; then chown "$owner" "$new" || exit 1; fi
if [ -n "$group" ]; then chgrp "$group" "$new" || exit 1; fi
chmod "${mode:-0644}" "$new" || exit 1
if [ -n "$validate" ]; then
  # %s stands for the file; it is handed over as $1, never pasted.
  # shellcheck disable=SC2016 # expanded by the shell that validates
  command=$(printf '%s\n' "$validate" | sed 's/%s/"$1"/g')
  sh -c "$command" validate "$new" </dev/null >&2 || exit 65
fi
if [ -n "$keep" ] && [ ! -e "$keep" ] && [ -e "$path" ]; then
  # What earlier runs kept is of no use any more: each could only undo itself.
  name=$(basename "$keep")
  for old in "$(dirname "$keep")/${name%.*.bgctl}".*.bgctl; do
    run=${old##*/"${name%.*.bgctl}".}
    case ${run%.bgctl} in *.*) continue ;; esac
    rm -f "$old"
  done
  if ! cp -p "$path" "$keep.new" || ! mv -f "$keep.new" "$keep"; then
    rm -f "$keep.new"
    exit 1
  fi
fi
mv -f "$new" "$path" || exit 1
