# Has nginx test its whole configuration with stdin's text as the site, changing nothing that it serves from.
# Arguments: LINK SIZE
link=$1 size=$2
folder=$(dirname "$link")
[ -d "$folder" ] || { echo "$folder does not exist: nginx cannot include a site from there" >&2; exit 1; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# A copy of the link's folder, with the new text in the link's place.
stand_in() {
  cp -a "$1/." "$2/" || exit 1
  rm -f "$2/$(basename "$link")"
  cat "$work/site" >"$2/$(basename "$link")" || exit 1
}

cat >"$work/site"
[ "$(wc -c <"$work/site")" -eq "$size" ] || { echo "the site did not arrive whole" >&2; exit 1; }

if unshare -m true 2>/dev/null; then
  mkdir "$work/folder"
  stand_in "$folder" "$work/folder"
  # In a mount namespace of its own the copy lies over the folder: seen by this nginx -t, by nobody else.
  # shellcheck disable=SC2016 # expanded by the inner shell
  unshare -m sh -c 'mount --bind "$1" "$2" && exec nginx -t' test "$work/folder" "$folder"
  exit
fi

# Where mounting is not allowed: a copy of the whole configuration that refers to itself.
root=$(dirname "$conf")
case $folder in
  "$root" | "$root"/*) ;;
  *) echo "cannot test: mounting is not allowed here, and $link is outside $root" >&2; exit 1 ;;
esac
mkdir "$work/root"
cp -a "$root/." "$work/root/" || exit 1
stand_in "$folder" "$work/root${folder#"$root"}"
find "$work/root" -type f -exec grep -lIF "$root/" {} + | while IFS= read -r file; do
  sed -i "s|$root/|$work/root/|g" "$file"
done
nginx -t -c "$work/root/$(basename "$conf")" 2>"$work/said"
status=$?
sed "s|$work/root|$root|g" "$work/said" >&2
exit "$status"
