# Brings a project up. Arguments: KIND NAME DIR RECREATE PULL BUILD ENV_FILE [SERVICE …]
recreate=$4 pull=$5 build=$6 env_file=$7
shift 7
cd "$dir" || exit 1
up() {
  if [ -n "$env_file" ]; then compose -p "$name" --env-file "$env_file" "$@"
  else compose -p "$name" "$@"; fi
}
case $pull in
  always) up pull "$@" >&2 || exit 1 ;;
  never)
    # Compose v1 would pull whatever is missing, so look first.
    up config | sed -n "s/^ *image: *['\"]\{0,1\}\([^'\"]*\).*/\1/p" | sort -u | while read -r image; do
      $engine image inspect "$image" >/dev/null 2>&1 || { echo "image $image is not on this host, and pull is never" >&2; exit 1; }
    done || exit 1 ;;
esac
services=$#
if [ "$recreate" = yes ]; then set -- --force-recreate "$@"; fi
if [ "$build" = yes ]; then set -- --build "$@"; fi
if [ "$services" -eq 0 ]; then set -- --remove-orphans "$@"; fi
up up -d "$@" >&2
