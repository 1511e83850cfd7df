# What this host's nginx is like: how it is called, its configuration, its master, its workers.
# BGCTL_NGINX_… say where it is, if not where its package puts it. Begins with digits_lib.sh, clock_lib.sh and bound_lib.sh.
set -u
PATH=$PATH:/usr/local/bin:/usr/local/sbin:/usr/sbin:/sbin
export LC_ALL=C
container=${BGCTL_NGINX_CONTAINER:-}
binary=${BGCTL_NGINX_BINARY:-nginx}
engine=docker
command -v docker >/dev/null 2>&1 || engine=podman

# Runs a program where nginx is, on this host or in its container, for so many seconds at the most: what lies in nginx's
# own folders may never end, and a container may never answer.
within() {
  most_seconds=$1
  shift
  if [ -n "$container" ]; then bounded "$most_seconds" "$engine" exec "$container" "$@"
  else bounded "$most_seconds" "$@"; fi
}

beside() { within 20 "$@"; }

# It may have names to look up.
call_nginx() {
  if [ -n "${BGCTL_NGINX_CONFIG:-}" ]; then within 60 "$binary" -c "$BGCTL_NGINX_CONFIG" "$@"; else within 60 "$binary" "$@"; fi
}

# Sets $built and $conf; where nginx cannot be called it fails, and $why says so.
know_nginx() {
  if [ -z "$container" ] && ! command -v "$binary" >/dev/null 2>&1; then
    why="$binary is not there, or cannot be run"
    [ "$binary" != nginx ] || why="nginx is not installed"
    return 1
  fi
  built=$(beside "$binary" -V 2>&1) || { why="${container:+nginx in container $container cannot be called: }$built"; return 1; }
  conf=${BGCTL_NGINX_CONFIG:-$(built_with conf-path)}
}

built_with() { printf '%s\n' "$built" | sed -n "s|.*--$1=\([^ ]*\).*|\1|p"; }

# A directive's first argument in a configuration on stdin, inside of $2 blocks at the most.
argument() {
  awk -v name="$1" -v deepest="$2" '
    BEGIN { begins = 1 }
    {
      sub(/(^|[ \t])#.*/, "")
      gsub(/[;{}]/, " & ")
      for (i = 1; i <= NF; i++) {
        if ($i == "{") depth++
        if ($i == "}") depth--
        if ($i ~ /^[;{}]$/) { begins = 1; wanted = 0; continue }
        if (begins) { begins = 0; wanted = (depth <= deepest && $i == name); continue }
        if (wanted) { gsub(/["\047]/, "", $i); print $i; exit }
      }
    }'
}

# The same of this nginx's configuration: the main file's word, else that of a file it includes.
directive() {
  word=$(beside cat "$conf" 2>/dev/null | argument "$1" 0)
  [ -n "$word" ] || word=$(call_nginx -T 2>/dev/null | argument "$1" 0)
  printf '%s\n' "$word"
}

# A path as nginx takes it: from its prefix, where it is relative.
absolute() {
  case $1 in
    /* | stderr | syslog:* | memory:*) printf '%s\n' "$1" ;;
    *) printf '%s/%s\n' "$(built_with prefix)" "$1" ;;
  esac
}

# The process that a container was started with, as this host counts.
main_process() { bounded 20 "$engine" inspect --format '{{.State.Pid}}' "$container" 2>/dev/null; }

# Sets $title to how a process calls itself. A title has no line end, which read calls a failure; the blanks that
# nginx pads it with are left out.
entitle() {
  title=
  { read -r title <"/proc/$1/cmdline"; } 2>/dev/null
  [ -n "$title" ]
}

is_master() { entitle "$1" && case $title in "nginx: master process"*) ;; *) false ;; esac; }

# Sets $parent to a process' parent, without starting a process. A process calls itself as it likes, also with line ends
# and parentheses: what counts stands behind all of that.
find_parent() {
  rest=
  { while read -r line; do rest=$line; done <"/proc/$1/stat"; } 2>/dev/null
  rest=${rest##*) }
  parent=${rest#* }
  parent=${parent%% *}
  digits "$parent"
}

# A master among the processes that descend from the container's main one, or that one itself.
contained_master() {
  main=$(main_process)
  digits "$main" && [ "$main" -gt 0 ] && [ -d "/proc/$main" ] || return 1
  for folder in "/proc/$main" /proc/[0-9]*; do
    is_master "${folder#/proc/}" || continue
    parent=${folder#/proc/}
    until [ "$parent" = "$main" ]; do
      if ! find_parent "$parent" || [ "$parent" -le 1 ]; then continue 2; fi
    done
    printf '%s\n' "${folder#/proc/}"
    return 0
  done
  return 1
}

master() {
  if [ -n "$container" ]; then contained_master; return; fi
  file=$(directive pid)
  file=$(absolute "${file:-$(built_with pid-path)}")
  # It may be in a folder of nginx's own user: what it says is signalled.
  [ -f "$file" ] && pid=$(bounded 5 head -n 1 "$file" 2>/dev/null) && digits "$pid" && is_master "$pid" && printf '%s\n' "$pid"
}

# The master's children whose title matches, one process id a line. Read without starting a process for each:
# while a switch waits for new workers this goes over all processes of the host, again and again.
children() {
  for stat in /proc/[0-9]*/stat; do
    pid=${stat#/proc/}
    pid=${pid%/stat}
    if ! find_parent "$pid" || [ "$parent" != "$master" ]; then continue; fi
    entitle "$pid"
    [ "$title" != "$1" ] || printf '%s\n' "$pid"
  done
}

workers() { children "nginx: worker process"; }
leaving() { children "nginx: worker process is shutting down"; }
