# Has nginx test its whole configuration with stdin's text as the site, changing nothing that it serves from.
# Arguments: LINK SIZE COPY (the script for where nothing can be mounted, or another process reads the files)
link=$1 size=$2 copy=$3
folder=$(dirname "$link")
know_nginx || { echo "$why" >&2; exit 1; }
if [ -z "$container" ]; then
  (
    reach "$link" stay && exit 0
    [ -n "$refused" ] || refuse "$folder" "does not exist: nginx cannot include a site from there"
    tell_refusal
    exit 1
  ) || exit 1
fi

if [ -n "$container" ]; then
  exec "$engine" exec -i "$container" sh -c "$copy" test "$link" "$size" "$conf" "$binary" ''
fi
case ${BGCTL_NGINX_TEST:-} in
  *%s*) exec sh -c "$copy" test "$link" "$size" "$conf" "$binary" "$BGCTL_NGINX_TEST" ;;
esac
if ! unshare -m true 2>/dev/null; then
  if [ -z "${BGCTL_NGINX_TEST:-}" ]; then exec sh -c "$copy" test "$link" "$size" "$conf" "$binary" ''; fi
  echo "mounting is not allowed here, so the test command has to take the configuration's path: put %s into it" >&2
  exit 1
fi

work=
# shellcheck disable=SC2016 # expanded at the end
at_end 'rm -rf "$work"'
work=$(mktemp -d) || exit 1
cat >"$work/site"
[ "$(wc -c <"$work/site" | tr -d ' ')" = "$size" ] || { echo "the site did not arrive whole" >&2; exit 1; }
# A copy of the link's folder, with the new text in the link's place.
(reach "$link" stay && copy_all . "$work/folder") || exit 1
rm -f "$work/folder/$(basename "$link")"
cat "$work/site" >"$work/folder/$(basename "$link")" || exit 1
# In a mount namespace of its own the copy lies over the folder: seen by this test, by nobody else.
# shellcheck disable=SC2016 # expanded by the inner shell
unshare -m sh -c '
  mount --bind "$1" "$2" || exit 1
  if [ -n "${BGCTL_NGINX_TEST:-}" ]; then exec sh -c "$BGCTL_NGINX_TEST" </dev/null >&2; fi
  if [ -n "${BGCTL_NGINX_CONFIG:-}" ]; then exec "$3" -t -c "$BGCTL_NGINX_CONFIG"; fi
  exec "$3" -t' test "$work/folder" "$folder" "$binary"
