# Brings a project up. Arguments: KIND NAME DIR RECREATE PULL BUILD ENV_FILE [SERVICE …]
recreate=$4 pull=$5 build=$6 env_file=$7
shift 7
cd "$dir" || exit 1
up() {
  if [ -n "$env_file" ]; then compose -p "$name" --env-file "$env_file" "$@"
  else compose -p "$name" "$@"; fi
}
# Says which images of the project are not on this host, with what that means; fails where there are any.
missing() {
  up config 2>/dev/null | sed -n "s/^ *image: *['\"]\{0,1\}\([^'\"]*\).*/\1/p" | sort -u | {
    all=0
    while read -r image; do
      $engine image inspect "$image" >/dev/null 2>&1 || { echo "image $image is not on this host, and $1" >&2; all=1; }
    done
    return "$all"
  }
}
case $pull in
  always) up pull "$@" >&2 || { missing "could not be pulled"; exit 1; } ;;
  # Compose v1 would pull whatever is missing, so look first.
  never) missing "pull is never" || exit 1 ;;
esac
services=$#
if [ "$recreate" = yes ]; then set -- --force-recreate "$@"; fi
if [ "$build" = yes ]; then set -- --build "$@"; fi
if [ "$services" -eq 0 ]; then set -- --remove-orphans "$@"; fi
up up -d "$@" >&2 || {
  status=$?
  [ "$build" = yes ] || missing "could not be pulled"
  exit "$status"
}
