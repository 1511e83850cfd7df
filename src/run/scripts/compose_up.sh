# Brings a project up. Arguments: KIND NAME DIR RECREATE PULL BUILD ENV_FILE [SERVICE …]
recreate=$4 pull=$5 build=$6 env_file=$7
shift 7
cd "$dir" || exit 1
log_in || exit 1
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
