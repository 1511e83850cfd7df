# shellcheck shell=sh
# Ends the process group $1: TERM, and KILL for what is left after five seconds.
case $1 in '' | 0* | 1 | *[!0123456789]*) echo "$1 is no process group of a script" >&2; exit 1 ;; esac
# Without `--` before the group: dash and busybox take it for a process.
kill -TERM "-$1" 2>/dev/null || exit 0
i=0
while [ "$i" -lt 50 ]; do
    kill -0 "-$1" 2>/dev/null || exit 0
    sleep 0.1 2>/dev/null || { sleep 1; i=$((i + 9)); }
    i=$((i + 1))
done
kill -KILL "-$1" 2>/dev/null
