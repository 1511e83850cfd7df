# Keeps a release and removes those that are older than the newest few. Its text comes on stdin.
# Arguments: FOLDER RELEASE SIZE MOST [RELEASE that stays …]
set -u
folder=$1 release=$2 size=$3 most=$4
shift 4
umask 077
mkdir -p "$folder/$release" || { echo "$(id -un) may not write there: set bgctl_state_dir, or let it become root" >&2; exit 1; }
new=$folder/$release/new
trap 'rm -f "$new"' EXIT
cat >"$new" || exit 1
# A connection that breaks ends stdin early.
if [ "$(wc -c <"$new")" -ne "$size" ]; then
  echo "only $(wc -c <"$new") of $size bytes arrived" >&2
  exit 1
fi
mv -f "$new" "$folder/$release/kept.json" || exit 1
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
