# Keeps a release and removes those that are older than the newest few. Its text comes on stdin.
# Arguments: FOLDER RELEASE SIZE MOST [RELEASE that stays …]; FOLDER is `releases` in the app's folder of state
set -u
folder=$1 release=$2 size=$3 most=$4
shift 4
if ! own_state "${folder%/*}" || ! own_folder "$folder" || ! own_folder "$folder/$release"; then
  echo "$why" >&2
  exit 1
fi
new=$folder/$release/.new
# shellcheck disable=SC2016 # expanded at the end
at_end 'rm -f "$new"'
rm -f "$new"
(umask "$state_umask" && set -C && cat >"$new") || exit 1
arrived=$(wc -c <"$new" | tr -d ' ')
# A connection that breaks ends stdin early.
if ! digits "$arrived" || ! digits "$size" || [ "$arrived" -ne "$size" ]; then
  echo "only $arrived of $size bytes arrived" >&2
  exit 1
fi
mv -fT "$new" "$folder/$release/kept.json" || exit 1
digits "$most" || exit 1
count=0
# Newest first; names of releases hold no white space.
# shellcheck disable=SC2045 # no glob sorts by time
for old in $(ls -1t "$folder"); do
  [ -f "$folder/$old/kept.json" ] || continue
  count=$((count + 1))
  [ "$count" -gt "$most" ] || continue
  for stays; do [ "$old" != "$stays" ] || continue 2; done
  rm -f "$folder/$old/kept.json" && rmdir "$folder/$old" || exit 1
done
