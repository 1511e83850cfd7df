# Has nginx test a copy of its whole configuration that refers to itself, with stdin's text as the site.
# Runs on the host, or in nginx's container. Arguments: LINK SIZE CONF BINARY TEST (empty: BINARY -t -c)
set -u
link=$1 size=$2 conf=$3 binary=$4 test=$5
folder=$(dirname "$link")
root=$(dirname "$conf")
[ -d "$folder" ] || { echo "$folder is not where nginx runs: nginx cannot include a site from there" >&2; exit 1; }
umask 077
work=
# shellcheck disable=SC2016 # expanded at the end
at_end 'rm -rf "$work"'
work=$(mktemp -d) || exit 1

cat >"$work/site"
[ "$(wc -c <"$work/site" | tr -d ' ')" = "$size" ] || { echo "the site did not arrive whole" >&2; exit 1; }
copy_all "$root" "$work/root" || exit 1
case $folder in
  "$root" | "$root"/*)
    stand_in=$work/root there=$root
    rest=${folder#"$root"}/
    # A folder that is a symlink is one in the copy, too, and would lead out of it: there what it stands for is.
    while rest=${rest#/} && [ -n "$rest" ]; do
      stand_in=$stand_in/${rest%%/*} there=$there/${rest%%/*} rest=${rest#*/}
      if [ -L "$stand_in" ]; then
        rm "$stand_in"
        copy_all "$there" "$stand_in" || exit 1
      fi
    done ;;
  *)
    stand_in=$work/folder
    copy_all "$folder" "$stand_in" || exit 1 ;;
esac
rm -f "$stand_in/$(basename "$link")"
cat "$work/site" >"$stand_in/$(basename "$link")" || exit 1

# Every file of the copy that names the one folder or the other names its copy.
find "$work" -type f -exec grep -lIF -e "$root/" -e "$folder/" {} + | while IFS= read -r file; do
  if [ "$stand_in" = "$work/folder" ]; then sed -i "s|$folder/|$work/folder/|g" "$file"; fi
  sed -i "s|$root/|$work/root/|g" "$file"
done
copy=$work/root/$(basename "$conf")
if [ -n "$test" ]; then
  # %s stands for the main file; it is handed over as $1, never pasted.
  # shellcheck disable=SC2016 # expanded by the shell that tests
  sh -c "$(printf '%s\n' "$test" | sed 's/%s/"$1"/g')" test "$copy" </dev/null >"$work/said" 2>&1
else "$binary" -t -c "$copy" 2>"$work/said"; fi
status=$?
sed -e "s|$work/root|$root|g" -e "s|$work/folder|$folder|g" "$work/said" >&2
exit "$status"
