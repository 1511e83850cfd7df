# nginx's error log, wherever it goes. Begins with nginx_lib.sh.

# Sets $log to its name, and $kind to how it is read: a "file", a file "inside" the container, the container "engine"'s
# log, or "nowhere".
find_log() {
  log=$(directive error_log)
  log=$(absolute "${log:-$(built_with error-log-path)}")
  kind="file"
  [ -z "$container" ] || kind=inside
  case $log in
    syslog:* | memory:*) kind=nowhere ;;
    stderr) kind=stderr ;;
    *) [ -n "$container" ] || [ ! -e "$log" ] || [ -f "$log" ] || kind=stderr
      case $(beside readlink -f "$log" 2>/dev/null) in /dev/std* | /dev/null | /dev/pts/* | /proc/* | /sys/*) kind=stderr ;; esac ;;
  esac
  if [ "$kind" = stderr ]; then
    kind=nowhere
    [ -z "$container" ] || kind=engine
  fi
}

# Remembers how far it goes now.
mark_log() {
  find_log
  since=$(date -u +%Y-%m-%dT%H:%M:%SZ)
  seen=0
  case $kind in
    file | inside) seen=$(within 5 wc -c "$log" 2>/dev/null | awk '{ print $1; exit }') ;;
    engine) seen=$(fresh_log | wc -c | tr -d ' ') ;;
  esac
  # What a container says of its files is its own affair.
  digits "$seen" || seen=0
}

# What was added since: of a log that has no end, the beginning.
fresh_log() {
  case $kind in
    file | inside) within 5 tail -c "+$((seen + 1))" "$log" 2>/dev/null ;;
    engine) bounded 5 "$engine" logs --since "$since" "$container" 2>&1 | tail -c "+$((seen + 1))" ;;
  esac | head -c 16777216
}

emergencies() { fresh_log | grep -F '[emerg]'; }

# Where a person finds it, for the end of a sentence.
whereabouts() {
  case $kind in
    file) echo "$log" ;;
    inside) echo "$log in container $container" ;;
    engine) echo "$engine logs $container" ;;
    nowhere)
      case $log in
        syslog:*) echo "the system log ($log)" ;;
        memory:*) echo "nginx's own memory ($log)" ;;
        *) echo "nginx's stderr ($log): under systemd that is \`journalctl -u nginx\`" ;;
      esac ;;
  esac
}
