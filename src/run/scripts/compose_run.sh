# Runs a program in a one-off container of a service; stdin is the program's.
# Arguments: KIND NAME DIR BACK PULL BUILD ENV_FILE SERVICE MARK WORD …
# WORD: options of `compose run`, its variables among them, then SERVICE and the program with its arguments.
# MARK: what is kept before the program begins (see undo_lib.sh). BACK: yes where the program takes back the one of the
# mark, which is forgotten then; without the mark there is nothing to take back.
back=$4 pull=$5 build=$6 env_file=$7 service=$8 mark=$9
shift 9
if [ "$back" = yes ]; then
  is_marked "$mark" "$dir/$service"
  case $? in 0) ;; 2) exit 0 ;; *) exit 1 ;; esac
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
  keep_mark "$mark" "$dir/$service" || exit 1
fi
up run --rm -T --label "$label=yes" "$@" || exit
if [ "$back" = yes ]; then unkeep "$mark" "$dir/$service"; fi
