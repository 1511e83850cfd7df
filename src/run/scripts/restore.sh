# Puts a file back to what a write kept of it; where nothing was kept, the write never began or was taken back already.
# Arguments: PATH KEPT
set -u
path=$1 kept=$2
[ -e "$kept" ] || exit 0
if [ -L "$path" ]; then path=$(readlink -f "$path"); fi
umask 077
new=$(mktemp "$(dirname "$path")/.bgctl.XXXXXX") || exit 1
trap 'rm -f "$new"' EXIT
cp -p "$kept" "$new" || exit 1
mv -f "$new" "$path" || exit 1
rm -f "$kept"
