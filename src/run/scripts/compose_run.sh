# Runs a program in a one-off container of a service; stdin is the program's.
# Arguments: KIND NAME DIR BACK PULL BUILD ENV_FILE SERVICE FOLDER MARK COUNT [VARIABLE …] [ARGUMENT …]
# FOLDER: in the container; empty: the image's. COUNT: of the variables, whose values are in the environment.
# MARK: a file that is made before the program begins. BACK: yes where the program takes back the one of the mark, which is
# removed then; without the mark there is nothing to take back.
back=$4 pull=$5 build=$6 env_file=$7 service=$8 folder=$9
shift 9
mark=$1 count=$2
shift 2
variables=
while [ "$count" -gt 0 ]; do
  variables="$variables -e $1"
  shift
  count=$((count - 1))
done
if [ "$back" = yes ]; then
  [ -e "$mark" ] || exit 0
  clear_one_offs stop >&2 || exit 1
fi
cd "$dir" || exit 1
log_in || exit 1
case $pull in
  always) up pull "$service" </dev/null >&2 || { missing "could not be pulled"; exit 1; } ;;
  never) missing "pull is never" || exit 1 ;;
esac
if [ "$build" = yes ]; then up build "$service" </dev/null >&2 || exit 1; fi
if [ "$back" != yes ] && [ -n "$mark" ]; then
  : >"$mark" || exit 1
  # Earlier runs that stayed need theirs no more.
  for other in "${mark%.*.bgctl}".*.bgctl; do [ "$other" = "$mark" ] || rm -f "$other"; done
fi
set -- "$service" "$@"
if [ -n "$folder" ]; then set -- -w "$folder" "$@"; fi
# shellcheck disable=SC2086 # names of variables
up run --rm -T --label "$label=yes" $variables "$@" || exit
if [ "$back" = yes ]; then rm -f "$mark"; fi
