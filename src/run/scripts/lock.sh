# Holds an app's lock for as long as somebody speaks on stdin: at least a line every 30 s.
# Arguments: FOLDER HOLDER. Prints "locked RECORD" with the last run's record, or "held HOLDER" and exits 75.
# Lines, each answered by "kept" or "failed WHY": "phase HOLDER" says who holds it in other words; "plan PLAN" keeps
# the run's plan; "last RECORD" its record; "done RECORD" the record of its end. An empty line: still here.
set -u
PATH=$PATH:/usr/local/bin:/usr/sbin:/sbin
folder=$1
(umask 022 && mkdir -p "$folder") || exit 73
exec 9>>"$folder/lock" || exit 73
# A reader of the lock's state holds it for a moment: try again before believing it.
tries=0
until flock -n 9; do
  tries=$((tries + 1))
  if [ "$tries" -ge 10 ]; then
    printf 'held %s\n' "$(cat "$folder/holder" 2>/dev/null)"
    exit 75
  fi
  sleep 0.1 2>/dev/null || sleep 1
done
# A whole file or the old one: what cannot be written is not left half written.
keep() {
  { printf '%s\n' "$2" >"$folder/$1.new"; } 2>/dev/null && mv -f "$folder/$1.new" "$folder/$1" && return
  rm -f "$folder/$1.new"
  return 1
}
# For the owner alone: paths and tasks are nobody else's affair.
keep_closed() (umask 077 && keep "$@")
# What runs came to, the last 500 of them.
remember() {
  { tail -n 499 "$folder/history" 2>/dev/null; printf '%s\n' "$1"; } >"$folder/history.new" 2>/dev/null &&
    mv -f "$folder/history.new" "$folder/history" && return
  rm -f "$folder/history.new"
  return 1
}
answer() {
  if "$@"; then echo kept; else echo "failed $folder cannot be written: is its disk full?"; fi
}
end() { keep last-run "$1" && remember "$1" && rm -f "$folder/plan"; }
keep holder "$2" || exit 73
printf 'locked %s\n' "$(cat "$folder/last-run" 2>/dev/null)"
# shellcheck disable=SC2016 # expanded by the inner shell
while line=$(timeout 30 sh -c 'IFS= read -r line && printf %s "$line"' 9>&-); do
  case $line in
    "phase "*) answer keep holder "${line#phase }" ;;
    "plan "*) answer keep_closed plan "${line#plan }" ;;
    "last "*) answer keep last-run "${line#last }" ;;
    "done "*) answer end "${line#done }" ;;
  esac
done
rm -f "$folder/holder"
