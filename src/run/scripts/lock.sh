# Holds an app's lock for as long as somebody speaks on stdin: at least a line every 30 s.
# Arguments: FOLDER HOLDER. Prints "note …" for what is worth telling, then "locked RECORD" with the last run's record, or
# "held HOLDER" and exits 75, or why it cannot be locked and exits 73.
# Lines, each answered by "kept" or "failed WHY": "phase HOLDER" says who holds it in other words; "plan PLAN" keeps
# the run's plan; "last RECORD" its record; "done RECORD" the record of its end; "key KEY" the app's key, where there is none
# yet. An empty line: still here.
set -u
PATH=$PATH:/usr/local/bin:/usr/sbin:/sbin
folder=$1
why=
# A site's texts are written into the latter before anything else is done there.
if ! own_state "$folder" || ! own_folder "$folder/site"; then
  echo "$why"
  exit 73
fi
# What stands in a file of the folder: in what is still that file once it is open, as some of this is written there again.
read_state() (
  ours "$folder/$1" && command exec 5<"$folder/$1" || exit 0
  # shellcheck disable=SC3013 # dash, busybox and bash know it
  if [ ! -L "$folder/$1" ] && [ "$folder/$1" -ef /proc/self/fd/5 ]; then cat <&5; fi
) 2>/dev/null
# A reader of the lock's state holds it for a moment: try again before believing it.
tries=0
while ! try_lock 9 "$folder/lock"; do
  if [ -n "$why" ]; then
    echo "$why"
    exit 73
  fi
  tries=$((tries + 1))
  if [ "$tries" -ge 10 ]; then
    printf 'held %s\n' "$(read_state holder)"
    exit 75
  fi
  sleep 0.1 2>/dev/null || sleep 1
done
keep() { printf '%s\n' "$2" | keep_state "$1"; }
# What runs came to, the last 500 of them.
remember() { { read_state history | tail -n 499; printf '%s\n' "$1"; } | keep_state history; }
answer() {
  if "$@"; then echo kept; else echo "failed $folder cannot be written: is its disk full?"; fi
}
# A key stays: with another one nobody would know what was made with it.
learn_key() {
  if [ ! -e "$folder/key" ] && [ ! -L "$folder/key" ]; then answer keep key "$1"
  elif [ "$(read_state key)" = "$1" ]; then echo kept
  else echo "failed $folder/key cannot be read, or holds another key than this run's: look whose it is"; fi
}
end() { keep last-run "$1" && remember "$1" && rm -f "$folder/plan"; }
keep holder "$2" || { echo "$folder cannot be written by $(id -un): is its disk full?"; exit 73; }
printf 'locked %s\n' "$(read_state last-run)"
# shellcheck disable=SC2016 # expanded by the inner shell
while line=$(bounded 30 sh -c 'IFS= read -r line && printf %s "$line"' 7>&- 9>&-); do
  case $line in
    "phase "*) answer keep holder "${line#phase }" ;;
    "plan "*) answer keep plan "${line#plan }" ;;
    "last "*) answer keep last-run "${line#last }" ;;
    "key "*) learn_key "${line#key }" ;;
    "done "*) answer end "${line#done }" ;;
  esac
done
rm -f "$folder/holder"
