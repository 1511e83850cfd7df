# Holds an app's lock for as long as somebody speaks on stdin: at least a line every 30 s.
# Arguments: FOLDER HOLDER. Prints "locked", or "held HOLDER" and exits 75.
# Lines: "phase HOLDER" says who holds it in other words; "last RECORD" keeps the last run's record; empty: still here.
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
keep() { printf '%s\n' "$2" >"$folder/$1.new" && mv -f "$folder/$1.new" "$folder/$1"; }
keep holder "$2" || exit 73
echo locked
# shellcheck disable=SC2016 # expanded by the inner shell
while line=$(timeout 30 sh -c 'IFS= read -r line && printf %s "$line"' 9>&-); do
  case $line in
    "phase "*) keep holder "${line#phase }" && echo kept ;;
    "last "*) keep last-run "${line#last }" && echo kept ;;
  esac
done
rm -f "$folder/holder"
