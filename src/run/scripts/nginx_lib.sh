# What this host's nginx is like: its configuration, its master, its workers.
set -u
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export LC_ALL=C
command -v nginx >/dev/null 2>&1 || { echo "nginx is not installed" >&2; exit 1; }
built=$(nginx -V 2>&1)
built_with() { printf '%s\n' "$built" | sed -n "s|.*--$1=\([^ ]*\).*|\1|p"; }
conf=$(built_with conf-path)

# A directive's first argument in a configuration on stdin, outside of every block.
outermost() {
  awk -v name="$1" '
    { sub(/(^|[ \t])#.*/, "") }
    depth == 0 && $1 == name { sub(/;.*/, "", $2); gsub(/["\047]/, "", $2); print $2; exit }
    { depth += gsub(/{/, "{") - gsub(/}/, "}") }'
}

# The same of this host's configuration: the main file's word, else that of a file it includes.
directive() {
  word=$(outermost "$1" 2>/dev/null <"$conf")
  [ -n "$word" ] || word=$(nginx -T 2>/dev/null | outermost "$1")
  printf '%s\n' "$word"
}

# A path as nginx takes it: from its prefix, where it is relative.
absolute() {
  case $1 in
    /* | stderr | syslog:*) printf '%s\n' "$1" ;;
    *) printf '%s/%s\n' "$(built_with prefix)" "$1" ;;
  esac
}

master() {
  file=$(directive pid)
  pid=$(cat "$(absolute "${file:-$(built_with pid-path)}")" 2>/dev/null) && [ -n "$pid" ] && [ -d "/proc/$pid" ] && printf '%s\n' "$pid"
}

error_log() {
  file=$(directive error_log)
  absolute "${file:-$(built_with error-log-path)}"
}

# The master's children whose title matches, one process id a line. Read without starting a process for each:
# while a switch waits for new workers this goes over all processes of the host, again and again.
children() {
  for stat in /proc/[0-9]*/stat; do
    { read -r line <"$stat"; } 2>/dev/null || continue
    rest=${line##*) }
    parent=${rest#* }
    [ "${parent%% *}" = "$master" ] || continue
    pid=${stat#/proc/}
    pid=${pid%/stat}
    # A title has no line end, which read calls a failure; the blanks that nginx pads it with are left out.
    title=
    { read -r title <"/proc/$pid/cmdline"; } 2>/dev/null
    [ "$title" != "$1" ] || printf '%s\n' "$pid"
  done
}

workers() { children "nginx: worker process"; }
leaving() { children "nginx: worker process is shutting down"; }

# Milliseconds since boot: no date in busybox has them.
now() {
  read -r up _ </proc/uptime
  # The 1 keeps hundredths below 10 from being read as octal.
  printf '%s\n' "$((${up%.*} * 1000 + 1${up#*.} * 10 - 1000))"
}

rest() { sleep 0.02 2>/dev/null || sleep 1; }
